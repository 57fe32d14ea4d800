/** An avatar with what moves it: sliders, the clip that came with it, and where it is seen from. */
import { Avatar } from "./avatar";
import { markMp4, markPng, markWebm } from "./marks";
import type { Colour } from "./camera";
import { type Frame, PageError, type Slider } from "./stored";
import { cameraOf, FRONT, held, type Orbit } from "./view";

const SWING_SECONDS = 3.6; // of a video without a clip: the camera swings to and fro once
const SWING_REACH = 0.45; // radians
const KINDS = ["video/webm;codecs=vp9", "video/webm", "video/mp4"]; // of videos, the best first
const BITS_PER_SECOND = 8e6;

export class Stage {
  readonly sliders: Slider[];
  readonly numFrames: number;
  /** Hears of every picture on the canvas. */
  drawn: () => void = () => {};
  /** Hears what goes wrong where nobody waits for it. */
  failed: (error: unknown) => void = (error) => console.error(error);
  private readonly clip: { pose: Float32Array; expression: Float32Array } | null;
  private frame: Frame;
  private orbit = FRONT;
  private played: { since: number; from: number } | null = null;
  private playedFrame = 0;

  constructor(readonly avatar: Avatar) {
    const { stored } = avatar;
    this.sliders = stored.header.sliders;
    this.frame = stored.header.rest;
    this.clip = stored.has("clip_pose")
      ? { pose: stored.numbers("clip_pose"), expression: stored.numbers("clip_expression") }
      : null;
    avatar.canvas.addEventListener("webglcontextrestored", () => this.show().catch(this.failed));
    this.numFrames = this.clip === null ? 0 : this.clip.pose.length / stored.header.rest.pose.length;
  }

  /** Draws the avatar as it is now. */
  async show(): Promise<void> {
    const { canvas, stored } = this.avatar;
    await this.avatar.draw(
      this.frame,
      cameraOf(this.orbit, stored.header.camera, canvas.width, canvas.height),
    );
    this.drawn();
  }

  /** Where a slider stands. */
  value({ field, indices }: Slider): number {
    return this.frame[field][indices[0]];
  }

  /** Sets sliders by their labels, within their limits; other labels and what is no number do nothing. */
  move(values: Record<string, number>): Promise<void> {
    const numbers = { pose: Array.from(this.frame.pose), expression: Array.from(this.frame.expression) };
    for (const { label, field, indices, low, high } of this.sliders) {
      const value = values[label];
      if (!Number.isFinite(value)) continue;
      for (const index of indices) numbers[field][index] = Math.min(high, Math.max(low, value));
    }
    this.frame = numbers;
    return this.show();
  }

  /** Back to how the person was filmed on average. */
  rest(): Promise<void> {
    this.frame = this.avatar.stored.header.rest;
    return this.show();
  }

  /** Looks from elsewhere. */
  turn(orbit: Partial<Orbit>): Promise<void> {
    this.orbit = held(orbit, this.orbit);
    return this.show();
  }

  get view(): Orbit {
    return this.orbit;
  }

  setBackground(colour: Colour): Promise<void> {
    this.avatar.background = colour;
    return this.show();
  }

  /** Frame `index` of the clip. */
  showFrame(index: number): Promise<void> {
    if (this.clip === null) return Promise.resolve();
    this.playedFrame = Math.min(Math.max(Math.round(index), 0), this.numFrames - 1);
    this.frame = { pose: this.column(this.clip.pose), expression: this.column(this.clip.expression) };
    return this.show();
  }

  get frameNumber(): number {
    return this.playedFrame;
  }

  get isPlaying(): boolean {
    return this.played !== null;
  }

  /** Plays the clip from where it is, again and again, or stops it. */
  play(on: boolean): void {
    const mayPlay = on && this.numFrames > 0;
    if (mayPlay === this.isPlaying) return;
    this.played = mayPlay ? { since: performance.now(), from: this.playedFrame } : null;
    if (mayPlay) requestAnimationFrame(() => this.playOn().catch(this.failed));
  }

  /** A PNG of what is shown, which says that it is synthetic. */
  async still(): Promise<Blob> {
    const { avatar } = this;
    const { made, software } = avatar.stored.header;
    const picture = new Promise<Blob | null>((resolve) => {
      avatar.surface.redraw();
      avatar.canvas.toBlob(resolve, "image/png");
    });
    const png = await picture;
    if (png === null) throw new PageError("The browser could not make a picture of the canvas.");
    return blob(markPng(await bytes(png), made, software), "image/png");
  }

  /** A video that says that it is synthetic: of the clip once, or of a camera that swings round the head. */
  async film(): Promise<Blob> {
    const kind = globalThis.MediaRecorder && KINDS.find((one) => MediaRecorder.isTypeSupported(one));
    if (!kind)
      throw new PageError("This browser can record no video. A current Chrome, Edge or Firefox can.");
    const { stored, canvas } = this.avatar;
    const stream = canvas.captureStream(stored.header.fps);
    const recorder = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: BITS_PER_SECOND });
    const parts: Blob[] = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const stopped = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.start();
    await (this.numFrames > 0 ? this.playOnce() : this.swing());
    recorder.stop();
    await stopped;
    stream.getTracks().forEach((track) => track.stop());
    const taken = await bytes(new Blob(parts));
    const isWebm = kind.startsWith("video/webm");
    const { made } = stored.header;
    return blob(isWebm ? markWebm(taken, made) : markMp4(taken, made), isWebm ? "video/webm" : "video/mp4");
  }

  close(): void {
    this.play(false);
    this.avatar.close();
  }

  private column(rows: Float32Array): Float32Array {
    const size = rows.length / this.numFrames;
    return Float32Array.from({ length: size }, (_, row) => rows[row * this.numFrames + this.playedFrame]);
  }

  private async playOn(): Promise<void> {
    if (this.played === null) return;
    const { since, from } = this.played;
    const passed = ((performance.now() - since) * this.avatar.stored.header.fps) / 1000;
    await this.showFrame(Math.floor(from + passed) % this.numFrames);
    requestAnimationFrame(() => this.playOn().catch(this.failed));
  }

  private async playOnce(): Promise<void> {
    this.play(false);
    const seconds = this.numFrames / this.avatar.stored.header.fps;
    await during(seconds, (share) => this.showFrame(Math.floor(share * (this.numFrames - 1))));
  }

  private async swing(): Promise<void> {
    const { yaw } = this.orbit;
    await during(SWING_SECONDS, (share) =>
      this.turn({ yaw: yaw + SWING_REACH * Math.sin(2 * Math.PI * share) }),
    );
  }
}

/** Calls `draw` with the share of some seconds that has passed, as often as the screen shows pictures. */
async function during(seconds: number, draw: (share: number) => Promise<void>): Promise<void> {
  const start = performance.now();
  for (let share = 0; share < 1;) {
    await new Promise(requestAnimationFrame);
    share = Math.min(1, (performance.now() - start) / (1000 * seconds));
    await draw(share);
  }
}

async function bytes(content: Blob): Promise<Uint8Array> {
  return new Uint8Array(await content.arrayBuffer());
}

function blob(content: Uint8Array, type: string): Blob {
  return new Blob([content as Uint8Array<ArrayBuffer>], { type });
}
