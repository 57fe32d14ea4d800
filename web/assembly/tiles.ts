/**
 * The painter's innermost loop, AssemblyScript for WebAssembly: four pixels at once. The rules are those of
 * rasterizer/README.md. `src/painter.ts` fills the memory, which must hold no constants; all numbers are float32 but for the lists (uint32).
 */

export const TILE: i32 = 32; // pixels
export const ELLIPSE: i32 = 10; // numbers of an ellipse: x, y, a, b, c, its reach, opacity, red, green, blue
export const OPEN: usize = 1024; // of each row, how many pixels have not ended
export const PLANES: usize = 2048; // light that comes through (below zero where a pixel has ended), red, green, blue
export const ELLIPSES: usize = 32768;

const PLANE: usize = <usize>(4 * TILE * TILE);
const LEAST_LIGHT: f32 = 1e-4; // the Gaussian that would leave a pixel less ends it undrawn
const MOST_OPACITY: f32 = 0.99;

/** Draws `count` ellipses whose numbers `list` has, the nearest first, on the tile at (left, top). */
export function drawTile(list: usize, count: i32, left: f32, top: f32, wide: i32, tall: i32): void {
  clear(wide, tall);
  let open = wide * tall;
  for (let at = 0; at < count && open > 0; at++) {
    const ellipse = ELLIPSES + <usize>(4 * ELLIPSE) * load<u32>(list + ((<usize>at) << 2));
    open -= drawEllipse(ellipse, left, top, wide, tall);
  }
}

function clear(wide: i32, tall: i32): void {
  memory.fill(PLANES + PLANE, 0, 3 * PLANE);
  for (let row = 0; row < tall; row++) {
    store<i32>(OPEN + ((<usize>row) << 2), wide);
    for (let column = 0; column < TILE; column++) {
      store<f32>(PLANES + ((<usize>(row * TILE + column)) << 2), column < wide ? 1.0 : 0.0);
    }
  }
}

/** How many pixels have ended by it. */
function drawEllipse(ellipse: usize, left: f32, top: f32, wide: i32, tall: i32): i32 {
  const x = load<f32>(ellipse) - left;
  const y = load<f32>(ellipse, 4) - top;
  const a = load<f32>(ellipse, 8);
  const inverse: f32 = 1.0 / a;
  const slope = load<f32>(ellipse, 12) * inverse; // by how much a row's middle is farther left than that above
  const flatness = load<f32>(ellipse, 16) - load<f32>(ellipse, 12) * slope;
  const reach = load<f32>(ellipse, 20); // of a dx^2 + 2 b dx dy + c dy^2
  const opacity = f32x4.splat(load<f32>(ellipse, 24));
  const red = f32x4.splat(load<f32>(ellipse, 28));
  const green = f32x4.splat(load<f32>(ellipse, 32));
  const blue = f32x4.splat(load<f32>(ellipse, 36));
  const halfHeight = Mathf.sqrt(reach / flatness);
  const last = min(tall - 1, <i32>Mathf.floor(y + halfHeight - 0.5));
  let ended = 0;
  for (let row = max(0, <i32>Mathf.ceil(y - halfHeight - 0.5)); row <= last; row++) {
    if (load<i32>(OPEN + ((<usize>row) << 2)) == 0) continue;
    const dy = <f32>row + 0.5 - y;
    const height = flatness * dy * dy;
    if (height >= reach) continue;
    const middle = x - slope * dy - 0.5;
    const half = Mathf.sqrt((reach - height) * inverse);
    const first = max(0, <i32>Mathf.ceil(middle - half)) & ~3;
    const end = min(wide - 1, <i32>Mathf.floor(middle + half));
    let closed = 0;
    for (let column = first; column <= end; column += 4) {
      const place = PLANES + ((<usize>(row * TILE + column)) << 2);
      const dx = f32x4.add(f32x4.splat(<f32>column - middle), f32x4(0.0, 1.0, 2.0, 3.0));
      const square = f32x4.add(f32x4.mul(f32x4.splat(a), f32x4.mul(dx, dx)), f32x4.splat(height));
      const through = v128.load(place);
      const drawn = v128.and(f32x4.le(square, f32x4.splat(reach)), f32x4.gt(through, f32x4.splat(0.0)));
      if (!v128.any_true(drawn)) continue;
      const value = f32x4.mul(opacity, exponential(f32x4.mul(square, f32x4.splat(-0.5))));
      const alpha = v128.and(drawn, f32x4.min(value, f32x4.splat(MOST_OPACITY)));
      const wanted = f32x4.mul(alpha, through);
      const ending = v128.and(drawn, f32x4.lt(f32x4.sub(through, wanted), f32x4.splat(LEAST_LIGHT)));
      const weight = v128.andnot(wanted, ending);
      v128.store(place, v128.bitselect(f32x4.neg(through), f32x4.sub(through, weight), ending));
      add(place + PLANE, weight, red);
      add(place + 2 * PLANE, weight, green);
      add(place + 3 * PLANE, weight, blue);
      closed += popcnt<i32>(i32x4.bitmask(ending));
    }
    if (closed > 0) {
      store<i32>(OPEN + ((<usize>row) << 2), load<i32>(OPEN + ((<usize>row) << 2)) - closed);
      ended += closed;
    }
  }
  return ended;
}

function add(place: usize, weight: v128, colour: v128): void {
  v128.store(place, f32x4.add(v128.load(place), f32x4.mul(weight, colour)));
}

/** e^x of numbers from -80 to 0, right to some millionths: a power of two, and a polynomial of what is left. */
function exponential(x: v128): v128 {
  const power = f32x4.mul(x, f32x4.splat(1.44269504));
  const whole = f32x4.nearest(power);
  const rest = f32x4.sub(power, whole); // in [-0.5, 0.5]
  let sum = f32x4.splat(0.00133335581);
  sum = f32x4.add(f32x4.mul(sum, rest), f32x4.splat(0.00961812911));
  sum = f32x4.add(f32x4.mul(sum, rest), f32x4.splat(0.0555041087));
  sum = f32x4.add(f32x4.mul(sum, rest), f32x4.splat(0.240226507));
  sum = f32x4.add(f32x4.mul(sum, rest), f32x4.splat(0.69314718));
  sum = f32x4.add(f32x4.mul(sum, rest), f32x4.splat(1.0));
  const bits = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(whole), i32x4.splat(127)), 23);
  return f32x4.mul(sum, bits);
}
