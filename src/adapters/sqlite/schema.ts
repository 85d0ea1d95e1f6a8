import type { Generated } from "kysely";
import type { Key } from "./keys.ts";

/** JSON, or the same JSON deflated (RFC 1951). */
export type Text = string | Uint8Array;

/** The tables of the state file, as `migrations.ts` leaves them. */
export type Schema = {
  readonly consumer: { readonly id: Generated<number>; readonly name: string };
  readonly entry: {
    readonly seq: Generated<number>;
    readonly runner: number;
    readonly consumer: number;
    readonly message_id: Key;
    readonly flow_id: Key;
    readonly flow_sequence: number | null;
    /** 0: the flow continues; 1: this entry ended it; 2: the whole flow is packed. */
    readonly ended: number;
    /** When it was recorded, in milliseconds since the epoch. */
    readonly at: number;
    readonly message: Text | null;
    readonly from_seq: number | null;
    readonly from_position: number | null;
    readonly consequences: Text | null;
    /** Of the flow, for as long as this entry is its last one, and a little longer. */
    readonly state: Text | null;
  };
  readonly checkpoint: { readonly id: number; readonly seq: number };
  readonly pending: {
    readonly seq: number;
    /** 0: a message; 1: a timer. */
    readonly kind: number;
    readonly position: number;
    /** 0: the transport. */
    readonly consumer: number;
    readonly message_id: Key;
    readonly flow_id: Key;
    /** Whose it was first; see `inherited`. */
    readonly runner: number;
  };
  readonly inherited: {
    readonly runner: number;
    readonly upto: number;
    readonly heir: number;
    readonly batch: number;
  };
  readonly runner: {
    readonly id: Generated<number>;
    readonly name: string;
    /** What tells its process from every other one, where the system says; null where it does not. */
    readonly process: string | null;
    readonly lease_until_ms: number;
  };
  readonly trouble: {
    readonly message_id: Key;
    readonly consumer: number;
    readonly flow_id: Key;
    readonly tries: number;
    readonly first_at: string;
  };
  readonly definition: {
    readonly pin: string;
    readonly body: string;
  };
  readonly upload: {
    readonly upload_id: string;
    readonly key: string;
    readonly content_type: string;
    readonly created_at: string;
    readonly status: "Pending" | "Uploaded";
    readonly bytes: number | null;
    readonly checksum: string | null;
  };
  readonly observation: {
    readonly seq: Generated<number>;
    readonly flow_id: string;
    /** That it belongs to, whatever it named. */
    readonly machine_id: string;
    /** Of the picture. Null if never computed. */
    readonly checksum: string | null;
    readonly brand: string | null;
    readonly type: string | null;
    readonly model: string | null;
    readonly name: string;
    readonly confidence: number;
    readonly object_key: string;
    readonly seen_at: string;
    readonly verdict: "new" | "known" | "ambiguous";
    readonly resembles: string;
  };
  readonly machine: {
    readonly id: string;
    readonly brand: string | null;
    readonly type: string | null;
    readonly model: string | null;
    readonly name: string;
    readonly confidence: number;
    readonly first_seen_at: string;
    readonly last_seen_at: string;
    readonly resembles: string;
  };
  readonly picture: {
    readonly seq: Generated<number>;
    readonly checksum: Uint8Array;
    readonly perceptual_hash: Uint8Array;
  };
  readonly picture_block: {
    /** The last of its pictures. */
    readonly last: number;
    /** Numbers of pictures, 8 bytes each. */
    readonly seqs: Uint8Array;
    /** 32 bytes each, as `halvesOf` packs them. */
    readonly hashes: Uint8Array;
  };
  readonly fingerprint: {
    readonly object_key: string;
    readonly picture: number;
  };
};
