import assert from "node:assert/strict";
import { test } from "node:test";
import { markMp4, markPng, markWebm } from "../src/marks";

const MADE = { sentence: "Synthetic, é.", source: "http://cv.iptc.org/x", xmp: "<x>packet</x>" };
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

test("a PNG keeps its chunks, and those of the mark have the checksums of PNG", () => {
  const marked = markPng(PNG, MADE, "PEGASUS-JAX");
  assert.ok(text(marked).includes(MADE.xmp) && text(marked).includes(MADE.sentence));
  const kinds: string[] = [];
  const view = new DataView(marked.buffer);
  for (let at = 8; at < marked.length;) {
    const length = view.getUint32(at);
    const kind = text(marked.subarray(at + 4, at + 8));
    kinds.push(kind);
    if (kind === "IDAT" || kind === "IHDR")
      assert.ok(PNG.includes(Buffer.from(marked.subarray(at, at + 12 + length))));
    at += 12 + length;
  }
  assert.deepEqual(kinds, ["IHDR", "tEXt", "iTXt", "iTXt", "IDAT", "IEND"]);
  const again = markPng(PNG, { ...MADE, xmp: "IEND" }, "x"); // CRC-32 of "IEND" is known: ae426082
  assert.equal(text(again.subarray(33 + 4, 33 + 8)), "tEXt");
});

test("a WebM gets its tags before the first cluster, whatever stands there", () => {
  const head = [0x1a, 0x45, 0xdf, 0xa3, 0x82, 1, 2]; // EBML, two bytes
  const segment = [0x18, 0x53, 0x80, 0x67, 1, 255, 255, 255, 255, 255, 255, 255]; // of unknown size
  const info = [0x15, 0x49, 0xa9, 0x66, 0x40, 3, 7, 8, 9]; // a size in two bytes
  const cluster = [0x1f, 0x43, 0xb6, 0x75, 1, 255, 255, 255, 255, 255, 255, 255, 5];
  const marked = markWebm(Uint8Array.from([...head, ...segment, ...info, ...cluster]), MADE);
  const before = head.length + segment.length + info.length;
  assert.deepEqual([...marked.subarray(before, before + 4)], [0x12, 0x54, 0xc3, 0x67]);
  assert.deepEqual([...marked.subarray(-cluster.length)], cluster);
  assert.ok(text(marked).includes(MADE.source) && text(marked).includes("DIGITAL_SOURCE_TYPE"));
  assert.throws(() => markWebm(Uint8Array.from(head), MADE), /no WebM/);
});

test("an MP4 ends in a box whose size is right", () => {
  const marked = markMp4(Uint8Array.of(1, 2, 3), MADE);
  assert.equal(new DataView(marked.buffer).getUint32(3), marked.length - 3);
  assert.equal(text(marked.subarray(7, 11)), "uuid");
  assert.ok(text(marked).endsWith(MADE.xmp));
});
