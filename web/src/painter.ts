/**
 * Draws sorted Gaussians without a graphics card, in the worker: the projection of
 * `pegasus_jax/families/gaussians/drawing.py` and the rules of rasterizer/README.md. Tile by tile, the nearest first:
 * what lets no light through is not looked at again, which no software version of WebGL can know. The innermost loop is
 * `assembly/tiles.ts`, in WebAssembly.
 */
import module from "assembly:../assembly/tiles.ts";
import { blurOf, type Camera, type Colour, LEAST_OPACITY, NEAR } from "./camera";
import type { Posed } from "./rig";

interface Tiles {
  memory: WebAssembly.Memory;
  TILE: WebAssembly.Global<"i32">;
  ELLIPSE: WebAssembly.Global<"i32">;
  PLANES: WebAssembly.Global<"i32">;
  ELLIPSES: WebAssembly.Global<"i32">;
  drawTile(list: number, count: number, left: number, top: number, wide: number, tall: number): void;
}

const PAGE = 65536; // bytes of WebAssembly's memory

/** What a picture is drawn on. */
export interface Canvas {
  camera: Camera;
  width: number;
  height: number;
  background: Colour;
}

export class Painter {
  private readonly tiles: Tiles;
  private readonly tile: number; // pixels
  private readonly places: Int32Array; // of each ellipse the first and last tile across, the first and last down
  private readonly listStart: number; // bytes
  private starts = new Uint32Array(0); // of each tile's list

  constructor(
    private readonly trainingSide: number,
    count: number,
  ) {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module));
    this.tiles = instance.exports as unknown as Tiles;
    this.tile = this.tiles.TILE.value;
    this.places = new Int32Array(4 * count);
    this.listStart = this.tiles.ELLIPSES.value + 4 * this.tiles.ELLIPSE.value * count;
    this.reserve(this.listStart);
  }

  /** Straight RGBA, four bytes a pixel, of Gaussians in an order, the nearest first. */
  paint(posed: Posed, opacities: Float32Array, order: Uint32Array, canvas: Canvas): ArrayBuffer {
    const { width, height, background } = canvas;
    const TILE = this.tile;
    const [across, down] = [Math.ceil(width / TILE), Math.ceil(height / TILE)];
    this.project(posed, opacities, order, canvas, across, down);
    this.list(order.length, across, across * down);
    const bytes = new Uint8ClampedArray(4 * width * height);
    for (let tile = 0; tile < across * down; tile++) {
      const [left, top] = [TILE * (tile % across), TILE * Math.floor(tile / across)];
      const [wide, tall] = [Math.min(TILE, width - left), Math.min(TILE, height - top)];
      const [first, last] = [this.starts[tile], this.starts[tile + 1]];
      this.tiles.drawTile(this.listStart + 4 * first, last - first, left, top, wide, tall);
      this.copyTile(bytes, width, left, top, wide, tall, background);
    }
    return bytes.buffer;
  }

  /** Ellipses of all Gaussians, and the tiles that they touch. */
  private project(
    { means, covariances, colours }: Posed,
    opacities: Float32Array,
    order: Uint32Array,
    { camera, width, height }: Canvas,
    across: number,
    down: number,
  ): void {
    const [T, [fx, fy, cx, cy]] = [camera.T_camera_world, Array.from(camera.intrinsics)];
    const blur = blurOf(width, height, this.trainingSide);
    const size = this.tiles.ELLIPSE.value;
    const ellipses = new Float32Array(
      this.tiles.memory.buffer,
      this.tiles.ELLIPSES.value,
      size * order.length,
    );
    for (let i = 0; i < order.length; i++) {
      const n = order[i];
      const [mx, my, mz] = [means[3 * n], means[3 * n + 1], means[3 * n + 2]];
      const inverse = 1 / Math.max(T[8] * mx + T[9] * my + T[10] * mz + T[11], NEAR);
      const right = (T[0] * mx + T[1] * my + T[2] * mz + T[3]) * inverse;
      const below = (T[4] * mx + T[5] * my + T[6] * mz + T[7]) * inverse;
      // Rows u and v of the projection's derivative, in the world's axes.
      const [sx, sy] = [fx * inverse, fy * inverse];
      const [u0, u1, u2] = [
        sx * (T[0] - right * T[8]),
        sx * (T[1] - right * T[9]),
        sx * (T[2] - right * T[10]),
      ];
      const [v0, v1, v2] = [
        sy * (T[4] - below * T[8]),
        sy * (T[5] - below * T[9]),
        sy * (T[6] - below * T[10]),
      ];
      const [xx, xy, xz] = [covariances[6 * n], covariances[6 * n + 1], covariances[6 * n + 2]];
      const [yy, yz, zz] = [covariances[6 * n + 3], covariances[6 * n + 4], covariances[6 * n + 5]];
      const [w0, w1, w2] = [
        xx * u0 + xy * u1 + xz * u2,
        xy * u0 + yy * u1 + yz * u2,
        xz * u0 + yz * u1 + zz * u2,
      ];
      const wide = w0 * u0 + w1 * u1 + w2 * u2 + blur;
      const mixed = w0 * v0 + w1 * v1 + w2 * v2;
      const tall =
        v0 * (xx * v0 + 2 * (xy * v1 + xz * v2)) + v1 * (yy * v1 + 2 * yz * v2) + v2 * zz * v2 + blur;
      const determinant = wide * tall - mixed * mixed;
      const [x, y] = [right * fx + cx, below * fy + cy];
      const reach = 2 * Math.log(Math.max(opacities[n] / LEAST_OPACITY, 1));
      const at = size * i;
      ellipses[at] = x;
      ellipses[at + 1] = y;
      ellipses[at + 2] = tall / determinant;
      ellipses[at + 3] = -mixed / determinant;
      ellipses[at + 4] = wide / determinant;
      ellipses[at + 5] = reach;
      ellipses[at + 6] = opacities[n];
      for (let channel = 0; channel < 3; channel++) ellipses[at + 7 + channel] = colours[3 * n + channel];
      const [halfWidth, halfHeight] = [Math.sqrt(wide * reach), Math.sqrt(tall * reach)];
      this.places[4 * i] = Math.max(0, Math.floor((x - halfWidth) / this.tile));
      this.places[4 * i + 1] = Math.min(across - 1, Math.floor((x + halfWidth) / this.tile));
      this.places[4 * i + 2] = Math.max(0, Math.floor((y - halfHeight) / this.tile));
      this.places[4 * i + 3] = Math.min(down - 1, Math.floor((y + halfHeight) / this.tile));
    }
  }

  /** Each tile's ellipses, in order. */
  private list(count: number, across: number, tiles: number): void {
    const { places } = this;
    const starts = new Uint32Array(tiles + 1);
    const visit = (see: (tile: number, ellipse: number) => void) => {
      for (let i = 0; i < count; i++) {
        for (let row = places[4 * i + 2]; row <= places[4 * i + 3]; row++) {
          for (let column = places[4 * i]; column <= places[4 * i + 1]; column++)
            see(row * across + column, i);
        }
      }
    };
    visit((tile) => starts[tile + 1]++);
    for (let tile = 0; tile < tiles; tile++) starts[tile + 1] += starts[tile];
    this.reserve(this.listStart + 4 * starts[tiles]);
    const lists = new Uint32Array(this.tiles.memory.buffer, this.listStart, starts[tiles]);
    const next = starts.slice();
    visit((tile, ellipse) => (lists[next[tile]++] = ellipse));
    this.starts = starts;
  }

  /** Sees that there are so many bytes of memory. */
  private reserve(bytes: number): void {
    const { memory } = this.tiles;
    const missing = Math.ceil((bytes - memory.buffer.byteLength) / PAGE);
    if (missing > 0) memory.grow(missing);
  }

  private copyTile(
    bytes: Uint8ClampedArray,
    width: number,
    left: number,
    top: number,
    wide: number,
    tall: number,
    [red, green, blue, opacity]: Colour,
  ): void {
    const TILE = this.tile;
    const plane = TILE * TILE;
    const planes = new Float32Array(this.tiles.memory.buffer, this.tiles.PLANES.value, 4 * plane);
    for (let row = 0; row < tall; row++) {
      for (let column = 0; column < wide; column++) {
        const i = row * TILE + column;
        const through = Math.abs(planes[i]);
        const behind = through * opacity;
        const alpha = 1 - through + behind;
        const scale = alpha > 0 ? 255 / alpha : 0;
        const at = 4 * ((top + row) * width + left + column);
        bytes[at] = scale * (planes[plane + i] + behind * red);
        bytes[at + 1] = scale * (planes[2 * plane + i] + behind * green);
        bytes[at + 2] = scale * (planes[3 * plane + i] + behind * blue);
        bytes[at + 3] = 255 * alpha;
      }
    }
  }
}
