/**
 * From expression and pose to Gaussians in space: `pegasus_jax/families/gaussians/posing.py` in TypeScript, with the
 * equations of docs/method.md. Head units, FLAME's axes, radians; arrays of rows, (R, N), lie row after row.
 */
import type { Frame, Quantised, Stored } from "./stored";

const JOINTS = 5;
const PARENTS = [-1, 0, 1, 1, 1];
const POSE_SIZE = 3 * JOINTS;
const EXPRESSION_SIZE = 50;
const DRIVING_POSE = 3; // neck, jaw and eyes: the pose but for its first three numbers
const NORMAL_GUARD = 1e-8;
const QUATERNION_GUARD = 1e-12;

/** N Gaussians of one frame. */
export interface Posed {
  means: Float32Array; // (N, 3)
  covariances: Float32Array; // (N, 6): xx, xy, xz, yy, yz, zz
  colours: Float32Array; // (N, 3) in [0, 1]
}

export class Rig {
  readonly count: number;
  readonly opacities: Float32Array;
  readonly depthBias: Float32Array;
  private readonly rest: Float32Array;
  private readonly jointWeights: Float32Array;
  private readonly offset: Float32Array;
  private readonly quaternion: Float32Array;
  private readonly scale: Float32Array;
  private readonly colour: Float32Array;
  private readonly bases: Quantised[];
  private readonly cornerMotion: Quantised;
  private readonly corners: Uint16Array;
  private readonly bary: Float32Array;
  private readonly coordinates: Float32Array;
  private readonly poseFeatures: Int32Array;
  private readonly joints: Float32Array;
  private readonly jointMotion: Float32Array;
  private readonly mixer: Mixer;
  private readonly moved: Float32Array; // (9, M): what expression and pose add to places and tangents at rest
  private readonly corrected: Float32Array[]; // offset, rotation and colour with what bases add: (3, N) each
  private readonly cornersMoved: Float32Array; // (3, U)
  private readonly posed: Posed;

  constructor(stored: Stored) {
    this.rest = stored.numbers("rest");
    this.count = this.rest.length / 9;
    this.opacities = stored.numbers("opacity");
    this.depthBias = stored.numbers("depth_bias");
    this.jointWeights = stored.numbers("joint_weights");
    this.offset = stored.numbers("offset");
    this.quaternion = stored.numbers("quaternion");
    this.scale = stored.numbers("log_scale").map(Math.exp);
    this.colour = stored.numbers("colour");
    this.bases = ["basis_offset", "basis_rotation", "basis_colour"].map((name) => stored.quantised(name));
    this.cornerMotion = stored.quantised("corner_motion");
    this.corners = stored.quantised("corners").values as Uint16Array;
    this.bary = stored.numbers("bary");
    this.coordinates = stored.numbers("coordinates");
    this.poseFeatures = stored.quantised("pose_features").values as Int32Array;
    this.joints = stored.numbers("joints");
    this.jointMotion = stored.numbers("joint_motion");
    this.mixer = new Mixer(stored);
    this.moved = new Float32Array(3 * this.corners.length);
    this.corrected = this.bases.map(() => new Float32Array(3 * this.count));
    this.cornersMoved = new Float32Array(this.cornerMotion.rowLength);
    this.posed = {
      means: new Float32Array(3 * this.count),
      covariances: new Float32Array(6 * this.count),
      colours: new Float32Array(3 * this.count),
    };
  }

  /** The Gaussians of a frame; the same arrays each time. */
  pose(frame: Frame): Posed {
    const rotations = localRotations(frame.pose);
    this.moveCorners(frame.expression, rotations);
    this.moveGaussians();
    this.correct(this.mixer.weights(frame));
    this.place(bones(this.movedJoints(frame.expression), rotations));
    return this.posed;
  }

  private moveCorners(expression: ArrayLike<number>, rotations: Float64Array[]): void {
    const { values, steps, rowLength } = this.cornerMotion;
    const moved = this.cornersMoved.fill(0);
    for (let row = 0; row < steps.length; row++) {
      const number =
        row < EXPRESSION_SIZE
          ? expression[row]
          : poseFeature(rotations, this.poseFeatures[row - EXPRESSION_SIZE]);
      const weight = number * steps[row];
      if (weight === 0) continue;
      for (let i = 0, start = row * rowLength; i < rowLength; i++) moved[i] += weight * values[start + i];
    }
  }

  /** Places and tangents of the Gaussians that move, from their triangles' corners. */
  private moveGaussians(): void {
    const count = this.corners.length / 3;
    const { corners, bary, coordinates, cornersMoved, moved } = this;
    const numCorners = cornersMoved.length / 3;
    for (let n = 0; n < count; n++) {
      const [along, across, up] = [coordinates[n], coordinates[count + n], coordinates[2 * count + n]];
      for (let axis = 0; axis < 3; axis++) {
        const start = axis * numCorners;
        const a = cornersMoved[start + corners[n]];
        const b = cornersMoved[start + corners[count + n]];
        const c = cornersMoved[start + corners[2 * count + n]];
        moved[axis * count + n] = bary[n] * a + bary[count + n] * b + bary[2 * count + n] * c;
        moved[(3 + axis) * count + n] = along * (b - a);
        moved[(6 + axis) * count + n] = across * (b - a) + up * (c - a);
      }
    }
  }

  private movedJoints(expression: ArrayLike<number>): Float64Array {
    const joints = Float64Array.from(this.joints);
    for (let e = 0; e < EXPRESSION_SIZE; e++) {
      for (let i = 0; i < joints.length; i++)
        joints[i] += expression[e] * this.jointMotion[e * joints.length + i];
    }
    return joints;
  }

  private correct(weights: Float64Array): void {
    const size = 3 * this.count;
    const still = [this.offset, this.quaternion.subarray(this.count), this.colour];
    this.bases.forEach(({ values, steps, rowLength }, kind) => {
      const sum = this.corrected[kind];
      sum.set(still[kind]);
      for (let k = 0; k < weights.length; k++) {
        for (let axis = 0; axis < 3; axis++) {
          const weight = weights[k] * steps[3 * k + axis];
          const [from, to] = [k * size + axis * rowLength, axis * rowLength];
          for (let n = 0; n < rowLength; n++) sum[to + n] += weight * values[from + n];
        }
      }
    });
  }

  private place(bone: Float64Array): void {
    const { count, rest, moved, jointWeights, quaternion, scale } = this;
    const { means, covariances, colours } = this.posed;
    const [offset, rotation, colour] = this.corrected;
    const moving = moved.length / 9;
    const m = new Float64Array(12);
    for (let n = 0; n < count; n++) {
      let ofGhost = 1; // the bone that never moves has what the joints leave
      m.fill(0);
      for (let joint = 0; joint < JOINTS; joint++) {
        const weight = jointWeights[joint * count + n];
        if (weight === 0) continue;
        ofGhost -= weight;
        for (let i = 0; i < 12; i++) m[i] += weight * bone[12 * joint + i];
      }
      m[0] += ofGhost;
      m[5] += ofGhost;
      m[10] += ofGhost;
      const v = (row: number) => rest[row * count + n] + (n < moving ? moved[row * moving + n] : 0);
      const [px, py, pz, sx, sy, sz, tx, ty, tz] = [v(0), v(1), v(2), v(3), v(4), v(5), v(6), v(7), v(8)];
      // The frame: two tangents and the normal, stretched as the skin is.
      const ax = m[0] * sx + m[1] * sy + m[2] * sz;
      const ay = m[4] * sx + m[5] * sy + m[6] * sz;
      const az = m[8] * sx + m[9] * sy + m[10] * sz;
      const bx = m[0] * tx + m[1] * ty + m[2] * tz;
      const by = m[4] * tx + m[5] * ty + m[6] * tz;
      const bz = m[8] * tx + m[9] * ty + m[10] * tz;
      let [nx, ny, nz] = [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
      const length = Math.sqrt(nx * nx + ny * ny + nz * nz + NORMAL_GUARD);
      nx /= length;
      ny /= length;
      nz /= length;
      const [o1, o2, o3] = [offset[n], offset[count + n], offset[2 * count + n]];
      means[3 * n] = m[0] * px + m[1] * py + m[2] * pz + m[3] + ax * o1 + bx * o2 + nx * o3;
      means[3 * n + 1] = m[4] * px + m[5] * py + m[6] * pz + m[7] + ay * o1 + by * o2 + ny * o3;
      means[3 * n + 2] = m[8] * px + m[9] * py + m[10] * pz + m[11] + az * o1 + bz * o2 + nz * o3;
      // Columns of frame @ rotation @ diag(scale), and the covariance that they make.
      let [w, x, y, z] = [quaternion[n], rotation[n], rotation[count + n], rotation[2 * count + n]];
      const norm = Math.sqrt(w * w + x * x + y * y + z * z + QUATERNION_GUARD);
      w /= norm;
      x /= norm;
      y /= norm;
      z /= norm;
      let [xx, xy, xz, yy, yz, zz] = [0, 0, 0, 0, 0, 0];
      for (let j = 0; j < 3; j++) {
        const r1 = j === 0 ? 1 - 2 * (y * y + z * z) : j === 1 ? 2 * (x * y - w * z) : 2 * (x * z + w * y);
        const r2 = j === 0 ? 2 * (x * y + w * z) : j === 1 ? 1 - 2 * (x * x + z * z) : 2 * (y * z - w * x);
        const r3 = j === 0 ? 2 * (x * z - w * y) : j === 1 ? 2 * (y * z + w * x) : 1 - 2 * (x * x + y * y);
        const s = scale[j * count + n];
        const fx = s * (ax * r1 + bx * r2 + nx * r3);
        const fy = s * (ay * r1 + by * r2 + ny * r3);
        const fz = s * (az * r1 + bz * r2 + nz * r3);
        xx += fx * fx;
        xy += fx * fy;
        xz += fx * fz;
        yy += fy * fy;
        yz += fy * fz;
        zz += fz * fz;
      }
      covariances[6 * n] = xx;
      covariances[6 * n + 1] = xy;
      covariances[6 * n + 2] = xz;
      covariances[6 * n + 3] = yy;
      covariances[6 * n + 4] = yz;
      covariances[6 * n + 5] = zz;
      for (let c = 0; c < 3; c++) colours[3 * n + c] = Math.min(1, Math.max(0, colour[c * count + n]));
    }
  }
}

/** A network of one hidden layer: from expression, neck, jaw and eyes to the weights of the bases. */
class Mixer {
  private readonly low: Float32Array;
  private readonly high: Float32Array;
  private readonly mean: Float32Array;
  private readonly deviation: Float32Array;
  private readonly kernelIn: Float32Array;
  private readonly biasIn: Float32Array;
  private readonly kernelOut: Float32Array;
  private readonly biasOut: Float32Array;

  constructor(stored: Stored) {
    this.low = stored.numbers("driving_low");
    this.high = stored.numbers("driving_high");
    this.mean = stored.numbers("driving_mean");
    this.deviation = stored.numbers("driving_deviation");
    this.kernelIn = stored.numbers("mixer_kernel_in");
    this.biasIn = stored.numbers("mixer_bias_in");
    this.kernelOut = stored.numbers("mixer_kernel_out");
    this.biasOut = stored.numbers("mixer_bias_out");
  }

  /** Held to what the clip has shown: beyond it the head's own bases move Gaussians on. */
  weights({ expression, pose }: Frame): Float64Array {
    const driving = [...Array.from(expression), ...Array.from(pose).slice(DRIVING_POSE)];
    const standardised = driving.map((number, i) => {
      const held = Math.min(this.high[i], Math.max(this.low[i], number));
      return (held - this.mean[i]) / this.deviation[i];
    });
    const hidden = product(standardised, this.kernelIn, this.biasIn).map(Math.tanh);
    return product(hidden, this.kernelOut, this.biasOut);
  }
}

function product(numbers: ArrayLike<number>, kernel: Float32Array, bias: Float32Array): Float64Array {
  const sum = Float64Array.from(bias);
  for (let i = 0; i < numbers.length; i++) {
    for (let j = 0; j < sum.length; j++) sum[j] += numbers[i] * kernel[i * sum.length + j];
  }
  return sum;
}

/** Rodrigues: what each joint turns, as matrices of nine numbers. */
function localRotations(pose: ArrayLike<number>): Float64Array[] {
  return Array.from({ length: JOINTS }, (_, joint) => {
    const vector = [pose[3 * joint], pose[3 * joint + 1], pose[3 * joint + 2]];
    const angle = Math.hypot(...vector);
    const [x, y, z] = angle > 0 ? vector.map((value) => value / angle) : [0, 0, 0];
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const d = 1 - c;
    return Float64Array.of(
      1 - d * (y * y + z * z),
      d * x * y - s * z,
      d * x * z + s * y,
      d * x * y + s * z,
      1 - d * (x * x + z * z),
      d * y * z - s * x,
      d * x * z - s * y,
      d * y * z + s * x,
      1 - d * (x * x + y * y),
    );
  });
}

/** Number `index` of the 36: of each joint but the root, its rotation less the identity. */
function poseFeature(rotations: Float64Array[], index: number): number {
  const element = index % 9;
  return rotations[1 + Math.floor(index / 9)][element] - (element % 4 === 0 ? 1 : 0);
}

/** What each joint does to a place at rest, five times (3, 4). */
function bones(joints: Float64Array, local: Float64Array[]): Float64Array {
  const out = new Float64Array(12 * JOINTS);
  const turns: Float64Array[] = [];
  const places: number[][] = [];
  for (let joint = 0; joint < JOINTS; joint++) {
    const parent = PARENTS[joint];
    const at = [0, 1, 2].map((axis) => joints[3 * joint + axis]);
    if (parent < 0) {
      turns.push(local[joint]);
      places.push(at);
    } else {
      const bone = at.map((value, axis) => value - joints[3 * parent + axis]);
      turns.push(multiplied(turns[parent], local[joint]));
      places.push(turned(turns[parent], bone).map((value, axis) => value + places[parent][axis]));
    }
    const shift = turned(turns[joint], at);
    for (let row = 0; row < 3; row++) {
      const start = 12 * joint + 4 * row;
      for (let column = 0; column < 3; column++) out[start + column] = turns[joint][3 * row + column];
      out[start + 3] = places[joint][row] - shift[row];
    }
  }
  return out;
}

function multiplied(a: Float64Array, b: Float64Array): Float64Array {
  return Float64Array.from(a, (_, i) => {
    const [row, column] = [Math.floor(i / 3), i % 3];
    return a[3 * row] * b[column] + a[3 * row + 1] * b[3 + column] + a[3 * row + 2] * b[6 + column];
  });
}

function turned(a: Float64Array, v: number[]): number[] {
  return [0, 3, 6].map((row) => a[row] * v[0] + a[row + 1] * v[1] + a[row + 2] * v[2]);
}

export const FRAME_SIZES = { pose: POSE_SIZE, expression: EXPRESSION_SIZE };
