import { hammingModule } from "./hamming.ts";

/** Hashes of 256 bits under numbers, packed, for being looked through: 40 bytes each. */
export type Hashes = {
  add(number: number, hash: Uint8Array): void;
  /** At most `blockSize` per call, as `halvesOf` packs them. */
  addBlock(numbers: Float64Array, halves: Uint8Array): void;
  /** Numbers of those that differ from this one in at most so many bits. */
  near(hash: Uint8Array, bitsMax: number): readonly number[];
};

/** What hamming.wat exports. */
type Hamming = {
  readonly memory: WebAssembly.Memory;
  readonly near: (from: number, count: number, toSecond: number, bitsMax: number) => number;
};

const [halfBytes, hashBytes] = [16, 32];
export const blockSize = 1024;
const blockBytes = blockSize * hashBytes;
const toSecond = blockSize * halfBytes;
const pageBytes = 65_536;
/** The answer for a block has room before the first one. */
const [answerAt, blocksAt] = [hashBytes, pageBytes];

type Block = { count: number; readonly numbers: Float64Array };

export function createHashes(): Hashes {
  const module = new WebAssembly.Module(Buffer.from(hammingModule, "base64"));
  // hamming.wat is where it comes from.
  const { memory, near } = new WebAssembly.Instance(module).exports as unknown as Hamming;
  const blocks: Block[] = [];

  const placeOf = (block: number) => blocksAt + block * blockBytes;
  const begin = (): Block => {
    const missing = placeOf(blocks.length + 1) - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
    const block = { count: 0, numbers: new Float64Array(blockSize) };
    blocks.push(block);
    return block;
  };
  /** Behind what is in the last block, which has room for them. */
  const put = (block: Block, numbers: Float64Array, halves: Uint8Array) => {
    const place = placeOf(blocks.length - 1) + block.count * halfBytes;
    const bytes = new Uint8Array(memory.buffer);
    bytes.set(halves.subarray(0, halves.length / 2), place);
    bytes.set(halves.subarray(halves.length / 2), place + toSecond);
    block.numbers.set(numbers, block.count);
    block.count += numbers.length;
  };
  /** Of the block at `from` those that the last answer names. */
  const answered = ({ numbers }: Block, from: number, count: number): readonly number[] => {
    const places = new Uint32Array(memory.buffer, answerAt, count);
    return Array.from(places, (place) => numbers[(place - from) / halfBytes] ?? 0);
  };
  return {
    add(number, hash) {
      const last = blocks.at(-1);
      const block = last === undefined || last.count === blockSize ? begin() : last;
      put(block, Float64Array.of(number), hash);
    },
    addBlock: (numbers, halves) => put(begin(), numbers, halves),
    near(hash, bitsMax) {
      new Uint8Array(memory.buffer).set(hash, 0);
      const found: number[] = [];
      for (const [at, block] of blocks.entries()) {
        const from = placeOf(at);
        const count = near(from, block.count, toSecond, bitsMax);
        if (count > 0) found.push(...answered(block, from, count));
      }
      return found;
    },
  };
}

/** The first halves of hashes behind each other, and then their second halves. */
export function halvesOf(hashes: readonly Uint8Array[]): Uint8Array {
  const halves = new Uint8Array(hashes.length * hashBytes);
  for (const [at, hash] of hashes.entries()) {
    halves.set(hash.subarray(0, halfBytes), at * halfBytes);
    halves.set(hash.subarray(halfBytes), (hashes.length + at) * halfBytes);
  }
  return halves;
}
