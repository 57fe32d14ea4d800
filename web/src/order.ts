/** Sorting by depth: stable, so that of equal depths the lower index is nearer, as in the rasteriser. */

const BITS = 11;
const BUCKETS = 1 << BITS;
const PASSES = 3;

/** Sorts keys again and again without new memory. */
export class Sorter {
  private readonly keys: Float32Array;
  private readonly bits: Uint32Array;
  private readonly buckets = new Uint32Array(BUCKETS);
  private orders: [Uint32Array, Uint32Array];

  constructor(size: number) {
    this.keys = new Float32Array(size);
    this.bits = new Uint32Array(this.keys.buffer);
    this.orders = [new Uint32Array(size), new Uint32Array(size)];
  }

  /** Positive numbers to sort; those of 0 are left out. */
  get depths(): Float32Array {
    return this.keys;
  }

  /** Indices of the positive numbers, the smallest first. */
  nearestFirst(): Uint32Array {
    let count = 0;
    let [from, to] = this.orders;
    for (let i = 0; i < this.keys.length; i++) if (this.keys[i] > 0) from[count++] = i;
    // Positive floats are ordered as their bits are.
    for (let pass = 0; pass < PASSES; pass++) {
      const shift = pass * BITS;
      const buckets = this.buckets.fill(0);
      for (let i = 0; i < count; i++) buckets[(this.bits[from[i]] >>> shift) & (BUCKETS - 1)]++;
      for (let b = 0, sum = 0; b < BUCKETS; b++) [buckets[b], sum] = [sum, sum + buckets[b]];
      for (let i = 0; i < count; i++) to[buckets[(this.bits[from[i]] >>> shift) & (BUCKETS - 1)]++] = from[i];
      [from, to] = [to, from];
    }
    return from.subarray(0, count);
  }
}
