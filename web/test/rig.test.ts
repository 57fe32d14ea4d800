/** The rig and the painter against numbers that Python wrote: tests/families/gaussians/test_web.py. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { NEAR } from "../src/camera";
import { Sorter } from "../src/order";
import { Painter } from "../src/painter";
import { Rig } from "../src/rig";
import { PageError, read } from "../src/stored";

interface Expected {
  frames: {
    pose: number[];
    expression: number[];
    means: number[];
    covariances: number[];
    colours: number[];
  }[];
  T_camera_world: number[];
  intrinsics: number[];
  side: number[];
  image: number[];
  depth_bias: number[];
  opacities: number[];
}

const FIXTURES = "test/fixtures/";
const expected = JSON.parse(readFileSync(`${FIXTURES}small.json`, "utf8")) as Expected;

/** What the script of an avatar leaves. */
function left(): [{ format: number; arrays: unknown[] }, string] {
  const text = readFileSync(`${FIXTURES}small.js`, "utf8");
  return JSON.parse(text.slice(text.indexOf(" = ") + 3, text.lastIndexOf(";")));
}

function assertClose(found: ArrayLike<number>, wanted: number[], tolerance: number, what: string): void {
  assert.equal(found.length, wanted.length, what);
  const error = Math.max(...wanted.map((value, i) => Math.abs(value - found[i])));
  assert.ok(error < tolerance, `${what}: ${error}`);
}

test("the rig poses as Python does", async () => {
  const rig = new Rig(await read(left()));
  for (const frame of expected.frames) {
    const { means, covariances, colours } = rig.pose(frame);
    assertClose(means, frame.means, 2e-5, "means");
    assertClose(covariances, frame.covariances, 2e-5, "covariances");
    assertClose(colours, frame.colours, 2e-5, "colours");
  }
  assertClose(rig.opacities, expected.opacities, 1e-5, "opacities");
  assertClose(rig.depthBias, expected.depth_bias, 1e-6, "depth bias");
});

test("the painter draws as the rasteriser does", async () => {
  const stored = await read(left());
  const rig = new Rig(stored);
  const posed = rig.pose(expected.frames[0]);
  const { T_camera_world: T, intrinsics } = expected;
  const [side] = expected.side;
  const sorter = new Sorter(rig.count);
  for (let n = 0; n < rig.count; n++) {
    const depth = T[11] + [0, 1, 2].reduce((sum, i) => sum + T[8 + i] * posed.means[3 * n + i], 0);
    sorter.depths[n] = depth > NEAR ? depth + rig.depthBias[n] : 0;
  }
  const painter = new Painter(stored.trainingSide, rig.count);
  const canvas = { camera: { T_camera_world: T, intrinsics }, width: side, height: side };
  const order = sorter.nearestFirst();
  const paint = (background: [number, number, number, number]) =>
    new Uint8Array(painter.paint(posed, rig.opacities, order, { ...canvas, background }));
  const pixels = paint([1, 1, 1, 1]).filter((_, i) => i % 4 < 3);
  assertClose(
    pixels,
    expected.image.map((value) => 255 * value),
    1.1,
    "levels of grey",
  );
  assert.ok(Math.min(...expected.image) < 0.3, "there is something to see");
  // Without a background its pixels are straight: over white they are the same picture.
  const clear = paint([0, 0, 0, 0]);
  const over = Array.from({ length: side * side }, (_, i) => {
    const alpha = clear[4 * i + 3] / 255;
    return [0, 1, 2].map((channel) => clear[4 * i + channel] * alpha + 255 * (1 - alpha));
  }).flat();
  assertClose(
    over,
    expected.image.map((value) => 255 * value),
    2.1,
    "levels of grey, by alpha",
  );
});

test("depths are sorted, ties by index, and what is not in front is left out", () => {
  const sorter = new Sorter(6);
  sorter.depths.set([3, 0, 1.5, 3, 1e-3, 100]);
  assert.deepEqual([...sorter.nearestFirst()], [4, 2, 0, 3, 5]);
  sorter.depths.fill(0);
  assert.deepEqual([...sorter.nearestFirst()], []);
  const many = new Sorter(5000);
  many.depths.forEach((_, i) => (many.depths[i] = 0.2 + ((i * 7919) % 4999) / 700));
  const sorted = [...many.nearestFirst()].map((i) => many.depths[i]);
  assert.deepEqual(
    sorted,
    [...many.depths].sort((a, b) => a - b),
  );
});

test("a damaged avatar is one sentence", async () => {
  const [header, packed] = left();
  const cut = [header, packed.slice(0, packed.length / 2)];
  const turned = [header, packed.slice(0, 400) + "AAAA" + packed.slice(404)];
  for (const one of [undefined, [], [header], [header, 3], cut, turned, [{ ...header, format: 2 }, packed]]) {
    await assert.rejects(read(one), PageError);
  }
  const poor = await read([{ ...header, arrays: header.arrays.slice(1) }, packed]);
  assert.throws(() => new Rig(poor), PageError);
});
