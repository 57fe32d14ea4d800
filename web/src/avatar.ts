/** An avatar on a canvas: any frame, from any camera. Posing and sorting are a worker's. */
import workerSource from "worker:./worker.ts";
import type { Camera, Colour } from "./camera";
import type { Answer, Opening, Order } from "./messages";
import type { Canvas } from "./painter";
import { type Frame, PageError, read, type Stored } from "./stored";
import { type Surface, surfaceOf, type Way } from "./surface";

interface Picture {
  frame: Frame;
  canvas: Canvas;
}

export class Avatar {
  background: Colour = [1, 1, 1, 1];
  private wanted: Picture | null = null;
  private waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  private posed: Frame | null = null;
  private busy = false;
  private spare: ArrayBuffer | null = null;

  private constructor(
    readonly stored: Stored,
    readonly canvas: HTMLCanvasElement,
    readonly surface: Surface,
    private readonly worker: Worker,
  ) {}

  /** Opens the avatar of a folder. Throws a PageError. */
  static async open(canvas: HTMLCanvasElement, folder: string, way: Way): Promise<Avatar> {
    const stored = await read(await loaded(new URL("avatar.js", new URL(folder, document.baseURI)).href));
    const surface = surfaceOf(canvas, way, stored.trainingSide);
    const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
    const worker = new Worker(url);
    const opening: Opening = { header: stored.header, content: stored.content, paints: surface.paints };
    try {
      await asked(worker, opening, []);
    } catch (error) {
      worker.terminate();
      throw error;
    } finally {
      URL.revokeObjectURL(url);
    }
    return new Avatar(stored, canvas, surface, worker);
  }

  /** Shows a frame from a camera; done when it, or one that was asked for later, is on the canvas. */
  draw(frame: Frame, camera: Camera): Promise<void> {
    const { width, height } = this.canvas;
    this.wanted = { frame, canvas: { camera, width, height, background: this.background } };
    const done = new Promise<void>((resolve, reject) => this.waiting.push({ resolve, reject }));
    if (!this.busy) void this.work();
    return done;
  }

  /** Ends the worker and gives the memory back. */
  close(): void {
    this.wanted = null;
    this.worker.terminate();
    this.surface.close();
  }

  private async work(): Promise<void> {
    this.busy = true;
    while (this.wanted !== null) {
      const [picture, waiting] = [this.wanted, this.waiting];
      [this.wanted, this.waiting] = [null, []];
      try {
        await this.show(picture);
        waiting.forEach(({ resolve }) => resolve());
      } catch (error) {
        waiting.forEach(({ reject }) => reject(error));
      }
    }
    this.busy = false;
  }

  private async show({ frame, canvas }: Picture): Promise<void> {
    const order: Order = { frame: frame === this.posed ? null : frame, canvas, buffer: this.spare };
    const transferred = this.spare === null ? [] : [this.spare];
    this.spare = null;
    const answer = await asked(this.worker, order, transferred);
    this.posed = frame;
    this.surface.show(answer, canvas);
    if (answer.kind === "sorted") this.spare = answer.buffer;
  }
}

/** The worker's answer; throws what failed there. */
function asked(worker: Worker, question: Opening | Order, transferred: Transferable[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Answer>) =>
      data.kind === "failed" ? reject(new PageError(data.sentence)) : resolve(data);
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(question, transferred);
  });
}

/** What a script leaves in `pegasusAvatars` under its address. A page opened from a disk may load nothing else. */
function loaded(address: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => {
      const avatars = (globalThis as { pegasusAvatars?: Record<string, unknown> }).pegasusAvatars ?? {};
      resolve(avatars[script.src]);
      delete avatars[script.src];
      script.remove();
    };
    script.onerror = () => {
      script.remove();
      reject(new PageError("avatar.js is missing: it has to lie beside this page. Copy the whole folder."));
    };
    document.head.append(script);
  });
}
