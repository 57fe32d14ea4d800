/** Where a picture or video says that it is synthetic: `pegasus_jax/media/marks.py`, for what a browser writes. */
import type { Header } from "./stored";

type Made = Header["made"];

const PNG_HEADER = 8 + 25; // bytes: the signature, and the chunk IHDR, which has to be the first
const MP4_XMP = "be7acfcb97a942e89c71999491e3afac"; // the box type that XMP's specification (part 3) names
const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
const TAGS = 0x1254c367;
const TAG = 0x7373;
const TARGETS = 0x63c0;
const SIMPLE_TAG = 0x67c8;
const TAG_NAME = 0x45a3;
const TAG_STRING = 0x4487;

const text = new TextEncoder();

/** The same PNG with an XMP packet, a description and the software's name. */
export function markPng(png: Uint8Array, made: Made, software: string): Uint8Array {
  return joined([
    png.subarray(0, PNG_HEADER),
    chunk("tEXt", text.encode(`Software\0${software}`)),
    chunk("iTXt", text.encode(`Description\0\0\0\0\0${made.sentence}`)),
    chunk("iTXt", text.encode(`XML:com.adobe.xmp\0\0\0\0\0${made.xmp}`)),
    png.subarray(PNG_HEADER),
  ]);
}

/** The same WebM with tags before its first cluster, which a browser's recorder leaves room for anywhere. */
export function markWebm(webm: Uint8Array, made: Made): Uint8Array {
  const place = firstCluster(webm);
  const tags = element(TAGS, [
    element(TAG, [
      element(TARGETS, []),
      simpleTag("COMMENT", `${made.sentence} ${made.source}`),
      simpleTag("DIGITAL_SOURCE_TYPE", made.source),
    ]),
  ]);
  return joined([webm.subarray(0, place), tags, webm.subarray(place)]);
}

/** The same MP4 with the XMP packet as a box at the end. */
export function markMp4(mp4: Uint8Array, made: Made): Uint8Array {
  const packet = text.encode(made.xmp);
  const type = Uint8Array.from(MP4_XMP.match(/../g) ?? [], (byte) => parseInt(byte, 16));
  return joined([mp4, bigEndian(8 + type.length + packet.length), text.encode("uuid"), type, packet]);
}

function chunk(kind: string, content: Uint8Array): Uint8Array {
  const body = joined([text.encode(kind), content]);
  return joined([bigEndian(content.length), body, bigEndian(crc32(body))]);
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function simpleTag(name: string, value: string): Uint8Array {
  return element(SIMPLE_TAG, [
    element(TAG_NAME, [text.encode(name)]),
    element(TAG_STRING, [text.encode(value)]),
  ]);
}

/** An EBML element: its identifier, the size of its content in eight bytes, the content. */
function element(identifier: number, content: Uint8Array[]): Uint8Array {
  const body = joined(content);
  const digits = identifier.toString(16).match(/../g) ?? [];
  const name = Uint8Array.from(digits, (byte) => parseInt(byte, 16));
  return joined([name, Uint8Array.of(1, 0, 0, 0), bigEndian(body.length), body]);
}

/** Where the first cluster of a WebM begins; its segment must be of unknown size, as a recorder writes it. */
function firstCluster(webm: Uint8Array): number {
  let at = 0;
  while (at < webm.length) {
    const identifier = number(webm, at, false);
    if (identifier.value === CLUSTER) return at;
    const size = number(webm, identifier.end, true);
    at = size.end;
    if (identifier.value !== SEGMENT) at += size.value;
  }
  throw new Error("the recorder wrote no WebM");
}

/** A number of EBML, whose first byte tells its length; of a size the bit that tells it does not count. */
function number(bytes: Uint8Array, at: number, isSize: boolean): { value: number; end: number } {
  const length = Math.clz32(bytes[at]) - 23;
  let value = isSize ? bytes[at] & (0xff >> length) : bytes[at];
  for (let i = 1; i < length; i++) value = value * 256 + bytes[at + i];
  return { value, end: at + length };
}

function bigEndian(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function joined(parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
