import assert from "node:assert/strict";
import { test } from "node:test";
import { cameraOf, FRONT, held } from "../src/view";

const HOME = {
  rotation: [
    [1, 0, 0],
    [0, -1, 0],
    [0, 0, -1],
  ],
  target: [0.1, 0.2, -0.1],
  distance: 4,
  focal: [2.6, 2.6],
};

function seen({ T_camera_world: T, intrinsics }: ReturnType<typeof cameraOf>, place: number[]): number[] {
  const [x, y, z] = [0, 4, 8].map(
    (row) => T[row + 3] + [0, 1, 2].reduce((sum, i) => sum + T[row + i] * place[i], 0),
  );
  return [(x / z) * intrinsics[0] + intrinsics[2], (y / z) * intrinsics[1] + intrinsics[3], z];
}

test("the head stays in the middle and at its distance, wherever one looks from", () => {
  for (const orbit of [FRONT, { ...FRONT, yaw: 0.7 }, { ...FRONT, yaw: -2, pitch: 0.9 }]) {
    const [x, y, z] = seen(cameraOf(orbit, HOME, 300, 200), HOME.target);
    assert.ok(Math.abs(x - 150) < 1e-9 && Math.abs(y - 100) < 1e-9 && Math.abs(z - 4) < 1e-9);
  }
});

test("what is dragged to the right, down, or closer goes there", () => {
  const nose = [0.1, 0.2, 0.4];
  const [x, y] = seen(cameraOf(FRONT, HOME, 300, 200), nose);
  assert.ok(seen(cameraOf({ ...FRONT, yaw: 0.2 }, HOME, 300, 200), nose)[0] > x);
  assert.ok(seen(cameraOf({ ...FRONT, pitch: 0.2 }, HOME, 300, 200), nose)[1] > y);
  assert.ok(Math.abs(seen(cameraOf({ ...FRONT, zoom: 2 }, HOME, 300, 200), HOME.target)[2] - 2) < 1e-9);
  const moved = seen(cameraOf({ ...FRONT, right: 0.1, down: 0.2 }, HOME, 300, 200), HOME.target);
  assert.deepEqual(
    moved.map((value) => Math.round(value)),
    [170, 140, 4],
  );
});

test("an orbit is held to its limits, and what is no number is not taken", () => {
  assert.equal(held({ zoom: 100 }, FRONT).zoom, 5);
  assert.equal(held({ pitch: -9 }, FRONT).pitch, -1.2);
  assert.deepEqual(held({ yaw: NaN, zoom: Infinity }, FRONT), FRONT);
});
