/** Off the main thread: poses the Gaussians, puts them in order for the camera, and may draw them. */
import { NEAR } from "./camera";
import { type Answer, type Opening, type Order, STRIDE } from "./messages";
import { Sorter } from "./order";
import { Painter } from "./painter";
import { type Posed, Rig } from "./rig";
import { Stored } from "./stored";

const scope = self as unknown as {
  onmessage: (event: MessageEvent) => void;
  postMessage(answer: Answer, transfer?: Transferable[]): void;
};

let drawer: Drawer | null = null;

scope.onmessage = ({ data }: MessageEvent) => {
  try {
    if (drawer === null) {
      drawer = new Drawer(data as Opening);
      scope.postMessage({ kind: "ready" });
    } else {
      const answer = drawer.answer(data as Order);
      scope.postMessage(answer, [answer.buffer]);
    }
  } catch (error) {
    scope.postMessage({ kind: "failed", sentence: (error as Error).message });
  }
};

class Drawer {
  private readonly rig: Rig;
  private readonly sorter: Sorter;
  private readonly painter: Painter | null;
  private posed: Posed | null = null;

  constructor({ header, content, paints }: Opening) {
    const stored = new Stored(header, content);
    this.rig = new Rig(stored);
    this.sorter = new Sorter(this.rig.count);
    this.painter = paints ? new Painter(stored.trainingSide, this.rig.count) : null;
  }

  answer({ frame, canvas, buffer }: Order): Answer & { buffer: ArrayBuffer } {
    if (frame !== null) this.posed = this.rig.pose(frame);
    if (this.posed === null) throw new Error("the first order has no frame");
    const order = this.nearestFirst(this.posed, canvas.camera.T_camera_world);
    if (this.painter !== null) {
      return { kind: "painted", buffer: this.painter.paint(this.posed, this.rig.opacities, order, canvas) };
    }
    const filled = buffer ?? new ArrayBuffer(STRIDE * this.rig.count);
    this.fill(filled, this.posed, order);
    return { kind: "sorted", buffer: filled, count: order.length };
  }

  private nearestFirst({ means }: Posed, T: ArrayLike<number>): Uint32Array {
    const { depths } = this.sorter;
    for (let n = 0; n < depths.length; n++) {
      const depth = T[8] * means[3 * n] + T[9] * means[3 * n + 1] + T[10] * means[3 * n + 2] + T[11];
      depths[n] = depth > NEAR ? depth + this.rig.depthBias[n] : 0;
    }
    return this.sorter.nearestFirst();
  }

  /** The farthest first: a graphics card blends each over those behind it. */
  private fill(buffer: ArrayBuffer, { means, covariances, colours }: Posed, order: Uint32Array): void {
    const [floats, bytes] = [new Float32Array(buffer), new Uint8Array(buffer)];
    for (let i = 0; i < order.length; i++) {
      const n = order[order.length - 1 - i];
      const place = (STRIDE / 4) * i;
      for (let j = 0; j < 3; j++) floats[place + j] = means[3 * n + j];
      for (let j = 0; j < 6; j++) floats[place + 3 + j] = covariances[6 * n + j];
      for (let j = 0; j < 3; j++) bytes[STRIDE * i + 36 + j] = 255 * colours[3 * n + j] + 0.5;
      bytes[STRIDE * i + 39] = 255 * this.rig.opacities[n] + 0.5;
    }
  }
}
