import type { Database } from "./database.ts";
import { createFollower } from "./follower.ts";
import { blockSize, createHashes, type Hashes, halvesOf } from "./hashes.ts";

// Pictures by their perceptual hash. No index of a database finds what differs in up to 48 of 256 bits without
// looking at a large part of all: so all are looked through, 32 bytes each, which takes a few milliseconds for
// a million. They are packed into blocks in the file (`picture_block`), and read when they are first asked for.

/** Rows read per batch. */
const blocksAtOnce = 64;

export type Pictures = {
  /** The number of a picture. Inside a transaction. */
  save(checksum: Uint8Array, hash: Uint8Array): number;
  /** Numbers of those within so many bits, and of some that are gone. */
  near(hash: Uint8Array, bitsMax: number): readonly number[];
  /** Forgets those that nothing holds any more. Inside a transaction. */
  removeUnused(seqs: readonly number[]): void;
  /** When more than half of what blocks hold is gone. Inside a transaction. */
  repack(): void;
  /** This process has stored some. */
  added(): void;
};

export function createPictures(database: Database): Pictures {
  const statements = prepareStatements(database);
  /** Made when it is first asked for. */
  let hashes: Hashes | null = null;
  const follower = createFollower({
    database,
    rowsAfter: (seq) => statements.after.all([seq]) as readonly unknown[] as readonly Row[], // its columns are selected
    apply: ({ perceptual_hash, seq }) => hashes?.add(seq, perceptual_hash),
  });
  /** Gives the last picture of the blocks. */
  const load = (hashes: Hashes): number => {
    for (let after = 0; ; ) {
      const rows = statements.blocks.all([after, blocksAtOnce]) as readonly unknown[];
      for (const { hashes: packed, last, seqs } of rows as readonly Block[]) {
        // its columns are selected
        hashes.addBlock(numbersIn(seqs), packed);
        after = last;
      }
      if (rows.length < blocksAtOnce) return after;
    }
  };
  /** False: there is nothing to pack. */
  const pack = (): boolean => {
    const rows = statements.loose.all([blockSize]) as readonly unknown[] as readonly Row[]; // its columns are selected
    const last = rows.at(-1);
    if (last === undefined) return false;
    const seqs = Float64Array.from(rows, ({ seq }) => seq);
    const halves = halvesOf(rows.map(({ perceptual_hash }) => perceptual_hash));
    statements.insertBlock.run([last.seq, new Uint8Array(seqs.buffer), halves]);
    return rows.length === blockSize;
  };
  return {
    save(checksum, hash) {
      statements.insert.run([checksum, hash]);
      const seq = Number(statements.find.first([checksum, hash])?.["seq"]);
      if (seq - Number(statements.lastBlock.first([])?.["last"]) > blockSize) pack();
      return seq;
    },
    near(hash, bitsMax) {
      if (hashes === null) {
        const made = createHashes();
        follower.startAfter(load(made));
        hashes = made;
      }
      follower.catchUp();
      return hashes.near(hash, bitsMax);
    },
    removeUnused(seqs) {
      for (const seq of seqs) statements.removeUnused.run([seq]);
    },
    repack() {
      const { blocks, pictures } = statements.count.first([]) as Counted; // its columns are selected
      if (blocks * blockSize <= 2 * pictures + blockSize) return;
      statements.removeBlocks.run([]);
      while (pack());
    },
    added: follower.added,
  };
}

type Row = { readonly seq: number; readonly perceptual_hash: Uint8Array };
type Block = { readonly last: number; readonly seqs: Uint8Array; readonly hashes: Uint8Array };
type Counted = { readonly blocks: number; readonly pictures: number };

function prepareStatements(database: Database) {
  const prepare = (sql: string) => database.prepare(sql);
  return {
    insert: prepare(
      "INSERT INTO picture (checksum, perceptual_hash) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    ),
    find: prepare("SELECT seq FROM picture WHERE checksum = ?1 AND perceptual_hash = ?2"),
    after: prepare("SELECT seq, perceptual_hash FROM picture WHERE seq > ?1 ORDER BY seq"),
    loose: prepare(
      `SELECT seq, perceptual_hash FROM picture
       WHERE seq > (SELECT coalesce(max(last), 0) FROM picture_block) ORDER BY seq LIMIT ?1`,
    ),
    lastBlock: prepare("SELECT coalesce(max(last), 0) AS last FROM picture_block"),
    blocks: prepare(
      "SELECT last, seqs, hashes FROM picture_block WHERE last > ?1 ORDER BY last LIMIT ?2",
    ),
    insertBlock: prepare("INSERT INTO picture_block VALUES (?1, ?2, ?3)"),
    removeBlocks: prepare("DELETE FROM picture_block"),
    removeUnused: prepare(
      `DELETE FROM picture
       WHERE seq = ?1 AND NOT EXISTS (SELECT 1 FROM fingerprint WHERE picture = ?1)`,
    ),
    count: prepare(
      `SELECT (SELECT count(*) FROM picture_block) AS blocks, (SELECT count(*) FROM picture) AS pictures`,
    ),
  };
}

/** As bytes that were given by a database they need not begin where numbers may. */
const numbersIn = (bytes: Uint8Array): Float64Array =>
  new Float64Array(Uint8Array.from(bytes).buffer);

/** 256 bits in hex. */
export const isHash = (hex: string): boolean => /^[0-9a-f]{64}$/.test(hex);

export function bytesOf(hex: string): Uint8Array {
  if (!isHash(hex)) throw new Error(`${hex} is not 256 bits in hex`);
  return Buffer.from(hex, "hex");
}

export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
