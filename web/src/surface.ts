/** Where pictures come to the screen: by the graphics card, or as the worker has painted them. */
import type { Answer } from "./messages";
import type { Canvas } from "./painter";
import { Renderer } from "./renderer";
import { PageError } from "./stored";

const SOFTWARE = /swiftshader|llvmpipe|softpipe|basic render|software/i; // names of programs that stand in for a card

/** "auto" takes the graphics card where there is one; software versions of WebGL are slower than our own painter. */
export type Way = "auto" | "webgl" | "painted";

export interface Surface {
  readonly paints: boolean; // whether the worker draws
  readonly mostPixels: number; // of a canvas that is shown without delay
  show(answer: Answer, canvas: Canvas): void;
  /** Draws the last picture once more, so that its pixels can be read before the browser takes them. */
  redraw(): void;
  close(): void;
}

/** Throws a PageError where `way` is not to be had. */
export function surfaceOf(canvas: HTMLCanvasElement, way: Way, trainingSide: number): Surface {
  const takesCard = way === "webgl" || (way === "auto" && hasCard());
  const gl = takesCard ? canvas.getContext("webgl2", { antialias: false, depth: false }) : null;
  if (gl !== null) return new Card(canvas, gl, trainingSide);
  const plain = way === "webgl" ? null : canvas.getContext("2d");
  if (plain === null)
    throw new PageError("This browser has no WebGL2. Open the page without #webgl, or elsewhere.");
  return new Painted(plain);
}

/** Whether WebGL2 is there, and is no program on the processor; asked of another canvas, which keeps its context. */
function hasCard(): boolean {
  const other = document.createElement("canvas");
  const gl = other.getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (gl === null) return false;
  const named = gl.getExtension("WEBGL_debug_renderer_info")?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER;
  const name = String(gl.getParameter(named));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !SOFTWARE.test(name);
}

class Card implements Surface {
  readonly paints = false;
  readonly mostPixels = 4e6;
  private renderer: Renderer;
  private shown: Canvas | null = null;

  constructor(
    canvas: HTMLCanvasElement,
    gl: WebGL2RenderingContext,
    private readonly trainingSide: number,
  ) {
    this.renderer = new Renderer(gl);
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault()); // it may come back
    canvas.addEventListener("webglcontextrestored", () => (this.renderer = new Renderer(gl)));
  }

  show(answer: Answer, canvas: Canvas): void {
    if (answer.kind === "sorted") this.renderer.load(answer.buffer, answer.count);
    this.shown = canvas;
    this.redraw();
  }

  redraw(): void {
    if (this.shown !== null) this.renderer.draw(this.shown, this.trainingSide);
  }

  close(): void {
    this.renderer.close();
  }
}

class Painted implements Surface {
  readonly paints = true;
  readonly mostPixels = 3e5;

  constructor(private readonly context: CanvasRenderingContext2D) {}

  show(answer: Answer, { width, height }: Canvas): void {
    if (answer.kind !== "painted") return;
    this.context.putImageData(new ImageData(new Uint8ClampedArray(answer.buffer), width, height), 0, 0);
  }

  redraw(): void {} // such a canvas keeps its pixels

  close(): void {}
}
