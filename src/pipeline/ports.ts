import type { Message, Timer } from "./message.ts";

// What the core needs from the world. "Implements the port" means "passes its contract suite"
// (adapters/testing); the memory adapter passes it first.

// ── time and identity ───────────────────────────────────────────────────────────────────────────

export interface Clock {
  /** Milliseconds since the epoch, UTC. */
  nowMs(): number;
  /** Milliseconds from some beginning, by a clock that nobody sets; without it `nowMs` never jumps. */
  elapsedMs?(): number;
  /** Resolves after at least `ms` milliseconds; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Ids {
  /** A new UUIDv7 (RFC 9562). */
  create(): string;
  /** The same UUIDv7-shaped id for the same parent and discriminator, always and everywhere. */
  derive(parentId: string, discriminator: string): string;
}

/** SHA-256 in lower-case hex, without a prefix. */
export type Digest = (bytes: Uint8Array) => string;

// ── transports ──────────────────────────────────────────────────────────────────────────────────

export type Headers = Readonly<Record<string, string>>;

/**
 * What became of the connection to a transport; only changes are told, in their order. Adapters connect
 * again by themselves, without end.
 *
 * - `lost`: the connection is gone. Until `back`, everything that needs it rejects with
 *   E_SERVICE_UNAVAILABLE, what was under way too (a publication may have been taken all the same).
 *   Subscriptions stay and go on after `back`. What was delivered and not settled is ours no longer: it is
 *   delivered again, to us or to another, and settling the old delivery rejects with the same code for ever.
 * - `back`: connected again, with the subscriptions and with what lives as long as its connection
 *   (exclusive and auto-delete queues, empty).
 * - `blocked`: the broker takes nothing for now (AMQP's connection.blocked: it is short of memory or
 *   disk). `publish` waits; deliveries and settling go on. Kafka has no such state.
 * - `unblocked`: it takes again, and what waited is sent. After `lost`, nothing is blocked.
 */
export type TransportState = "lost" | "back" | "blocked" | "unblocked";

/** What both transports have. */
export interface Transport {
  /** Tells `listener` of every change from now on; call what it returns to end that. */
  onState(listener: (state: TransportState) => void): () => void;
  /**
   * Closes the subscriptions as their own `close` does, then the connection; no state is told. After it
   * everything rejects with E_SERVICE_UNAVAILABLE. Closing again changes nothing.
   */
  close(): Promise<void>;
}

/** A header as Kafka has it: names may repeat, their order is kept, a value is bytes or absent. */
export type RecordHeader = { readonly name: string; readonly value: Uint8Array | null };

/** One record of a partitioned log (Kafka). All of it is passed through byte for byte. */
export type LogRecord = {
  readonly topic: string;
  /** Null: the record has none. That is something else than an empty one. */
  readonly key: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  /** Null: a tombstone. */
  readonly body: Uint8Array | null;
};
export type LogDelivery = LogRecord & {
  readonly partition: number;
  readonly offset: number;
  /**
   * Done with this record. Resolves when that is marked, which is not yet durable: the group's offset is
   * written behind from time to time, and when the subscription closes. It stands behind the contiguous
   * prefix of records that were delivered and are done (offsets have gaps where records were compacted
   * away), so after a crash some that were done come again, at most `window` of a partition and those
   * that were marked but not written.
   */
  commit(): Promise<void>;
  /**
   * Not done: the record is delivered again after `delayMs`. Until then it uses up one of `window`, and
   * records with its key wait; others go on. Resolves when that is accepted, not after the delay.
   */
  retry(delayMs: number): Promise<void>;
};

export type TopicPartition = { readonly topic: string; readonly partition: number };
/** What a subscription hears of its place in the group. */
export type GroupChange =
  /** All that it has now, after a rebalance or for the first time; may be none. */
  | { readonly type: "assigned"; readonly partitions: readonly TopicPartition[] }
  /**
   * It is no member any more: thrown out, or the connection is lost. It has no partitions, and
   * committing what it was given rejects with E_SERVICE_UNAVAILABLE. It joins again by itself.
   */
  | { readonly type: "lost" };
/** For whoever watches: a member with a lag whose last progress is long ago has stalled. */
export type GroupStatus = {
  readonly isMember: boolean;
  readonly partitions: readonly (TopicPartition & {
    /** From the committed offset to the end of the partition, in offsets; 0 when all is done. */
    readonly lag: number;
    /**
     * When a record was last done here. Not before the partition was assigned, nor before there was
     * something to do again after the lag had been 0: idling is not stalling.
     */
    readonly lastProgressAtMs: number;
  })[];
};
export interface LogSubscription extends Subscription {
  /** As far as the client knows, without asking the broker. */
  status(): GroupStatus;
}
export type LogSubscribeOptions = {
  readonly group: string;
  readonly topics: readonly string[];
  /** Where a group without committed offsets begins. */
  readonly from: "earliest" | "latest";
  /** How far a partition is read ahead of its first record that is not done, in records. */
  readonly window: number;
  readonly onGroup?: (change: GroupChange) => void;
};

export interface EventLog extends Transport {
  /**
   * Creates the topic when it is missing. Throws E_TOPOLOGY_MISMATCH when it has another number of
   * partitions, and changes nothing: keys would land elsewhere from then on.
   */
  createTopic(topic: { name: string; partitions: number }): Promise<void>;
  /**
   * Resolves when the log has taken the record. The same key always lands in the same partition; a record
   * with an empty key or none lands in any. Throws E_UNROUTABLE when there is no such topic.
   */
  append(record: LogRecord): Promise<{ partition: number; offset: number }>;
  /**
   * Reads as a member of `group`, up to `window` records of a partition side by side. Order is kept per
   * key: a record waits until its predecessor with the same key is done. Records with an empty key or
   * none have no order. A handler that rejects has its record delivered again, after a moment.
   */
  subscribe(
    options: LogSubscribeOptions,
    handler: (delivery: LogDelivery) => Promise<void>,
  ): Promise<LogSubscription>;
}

/**
 * A value in an AMQP table, by its type on the wire. A number's width is not kept: clients do not tell it.
 * A timestamp is in seconds; a decimal is `digits` × 10^-`places`.
 */
export type AmqpValue =
  | string
  | number
  | boolean
  | null
  | Uint8Array
  | { readonly timestamp: number }
  | { readonly decimal: { readonly places: number; readonly digits: number } }
  | { readonly list: readonly AmqpValue[] }
  | { readonly table: AmqpTable };
export type AmqpTable = Readonly<Record<string, AmqpValue>>;

/** One publication to an exchange (AMQP 0-9-1), always persistent. */
export type Publication = {
  readonly exchange: string;
  readonly routingKey: string;
  readonly headers: AmqpTable;
  readonly properties: MessageProperties;
  readonly body: Uint8Array;
};
/** The basic properties that travel; those that steer one hop alone (expiration, priority) do not. */
export type MessageProperties = {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly type?: string;
  readonly appId?: string;
  readonly messageId?: string;
  /** Seconds since the epoch. */
  readonly timestamp?: number;
};
export type QueueDelivery = Publication & {
  readonly queue: string;
  /** It was delivered before; nobody knows whether it was worked off. */
  readonly redelivered: boolean;
  ack(): Promise<void>;
  /**
   * `requeue` puts it back to be delivered again after `delayMs`; without it the message is gone, or
   * goes to the queue's dead-letter exchange. AMQP has no delay, so the consumer holds the message
   * unacknowledged until then: it uses up one of `prefetch`, and comes back early when the consumer closes
   * or the connection is lost. Resolves when the refusal is accepted, not after the delay.
   */
  nack(options: { requeue: boolean; delayMs?: number }): Promise<void>;
};
export type ExchangeDeclaration = {
  readonly name: string;
  readonly type: "fanout" | "direct" | "topic";
};
export type QueueDeclaration = {
  readonly name: string;
  /** Default true: it outlives the broker's restart. */
  readonly durable?: boolean;
  /** Default false. True: for its connection alone, and gone with it. */
  readonly exclusive?: boolean;
  /** Default false. True: gone when its last consumer is. */
  readonly autoDelete?: boolean;
  /** `x-message-ttl`, `x-dead-letter-exchange`, …; default none. */
  readonly arguments?: AmqpTable;
};
export type BindingDeclaration = {
  readonly exchange: string;
  readonly queue: string;
  readonly routingKey: string;
};
export type BrokerTopology = {
  readonly exchanges: readonly ExchangeDeclaration[];
  readonly queues: readonly QueueDeclaration[];
  readonly bindings: readonly BindingDeclaration[];
};

export interface Broker extends Transport {
  /**
   * Creates what is missing. Throws E_TOPOLOGY_MISMATCH for what exists otherwise (AMQP's 406, or 405 for
   * another connection's exclusive queue) and leaves it as it is; E_UNROUTABLE for a binding to nothing.
   */
  declare(topology: BrokerTopology): Promise<void>;
  /**
   * Looks and creates nothing. Resolves with the names of what does not exist; throws
   * E_TOPOLOGY_MISMATCH for what exists otherwise. Bindings are not looked at: AMQP cannot ask for them.
   */
  check(
    topology: Pick<BrokerTopology, "exchanges" | "queues">,
  ): Promise<{ readonly missing: readonly string[] }>;
  /**
   * Resolves when the broker has taken the message (publisher confirm). `routed`: whether it reached a
   * queue at all (AMQP returns what is mandatory and reaches none; it tells no number). Throws
   * E_UNROUTABLE when there is no such exchange.
   */
  publish(publication: Publication): Promise<{ routed: boolean }>;
  /**
   * At most `prefetch` deliveries are unacknowledged at a time. Throws E_UNROUTABLE when there is no such
   * queue. A handler that rejects has its message delivered again, after a moment.
   */
  consume(
    options: { queue: string; prefetch: number },
    handler: (delivery: QueueDelivery) => Promise<void>,
  ): Promise<Subscription>;
}

export interface Subscription {
  /**
   * Takes no further message; resolves when the handlers under way have ended. What they did not settle
   * is delivered again, to others.
   */
  close(): Promise<void>;
}

/** Messages to oneself at a later time. Durable because they are recorded before they are scheduled. */
export interface Timers {
  schedule(timer: Timer): void;
  /** Forgets what is still scheduled for a flow. */
  cancelFlow(flowId: string): void;
  consume(owner: string, handler: (timer: Timer) => Promise<void>): Subscription;
}

// ── what is recorded ────────────────────────────────────────────────────────────────────────────

/** What records dead letters, in place of a consumer: the message that is parked stays undecided. */
export const parking = "dead letters";

/** One decision of one consumer, exactly as it was taken: inbox, outbox and history in one record. */
export type JournalEntry = {
  readonly consumer: string;
  readonly message: Message;
  readonly outgoing: readonly Message[];
  readonly timers: readonly Timer[];
  /** For consumers that keep a state per flow; null for the others. */
  readonly flow: FlowRecord | null;
  /** What an entry of `parking` parks: that consumer is not waited for any more. Its decision stays open. */
  readonly parks?: { readonly consumer: string; readonly messageId: string };
};
export type FlowRecord = {
  /** 1 for the first entry of a flow, then without a gap. */
  readonly sequence: number;
  readonly state: unknown;
  /** True when the state is final: the flow's timers mean nothing any more. */
  readonly ended: boolean;
};
export type RecordResult =
  | { readonly outcome: "recorded" }
  /** This consumer decided this message before; here is what it decided. */
  | { readonly outcome: "duplicate"; readonly entry: JournalEntry }
  /** The flow's sequence is taken or leaves a gap: read again and decide again. */
  | { readonly outcome: "conflict" };

/** What somebody has to see to: a message that is to be sent (again), or a timer. */
export type Owed =
  | { readonly type: "message"; readonly message: Message }
  | { readonly type: "timer"; readonly timer: Timer };

/**
 * Who has to record a message before it counts as done, besides the transport that has to take it: with a
 * transport that dies with its process, the services of that process; with one that outlives it, nobody.
 */
export type OwedTo = (message: Message) => readonly string[];

/** A place in the order of recording. */
export type JournalPlace = { readonly seq: number; readonly position: number };

/** Failed tries of one consumer with one message, whichever process made them. */
export type Tries = {
  readonly count: number;
  /** ISO 8601, UTC. */
  readonly firstAt: string;
};

export interface Journal {
  /** Durable when it resolves, and so is all that was accepted before. Atomic: all of the entry or nothing. */
  record(entry: JournalEntry): Promise<RecordResult>;
  /**
   * Recorded when it resolves, and durable soon: before whatever is recorded later, together with it, or never
   * because the process died. Everybody in this process reads it at once, nobody else does. When the disk does
   * not take it, that is tried until it does, and everything else is refused meanwhile.
   */
  accept(entry: JournalEntry): Promise<RecordResult>;
  /** Resolves when all that was accepted is durable. Rejects when the disk does not take it now; it stays accepted. */
  durable(): Promise<void>;
  find(consumer: string, messageId: string): Promise<JournalEntry | undefined>;
  /** The last recorded state of a flow at a consumer. */
  flow(consumer: string, flowId: string): Promise<FlowRecord | undefined>;
  /** All entries of a flow, oldest first. The state of one that is neither the last nor ended the flow is null. */
  history(flowId: string): Promise<readonly JournalEntry[]>;
  /**
   * Transports have taken these outgoing messages. Written down lazily: after a crash some are owed once
   * more. What a consumer has recorded was sent, too.
   */
  sent(messages: readonly Message[]): void;
  /** Messages of this run that no transport has taken, behind a place, in the order of recording. */
  unsent(page: { after: JournalPlace | null; limit: number }): Promise<{
    readonly messages: readonly Message[];
    /** Null: there are no more. */
    readonly next: JournalPlace | null;
  }>;
  /**
   * Takes over what runs that are gone left undone, at most `limit` pieces in the order of recording; none
   * when nothing is left. What it gives is this run's own from then on, and never given to it again; a call
   * that rejects has given nothing.
   */
  adopt(limit: number): Promise<readonly Owed[]>;
  /** Counts a failed try, durably. A record of that consumer and message, or `pardon`, forgets them. */
  failed(consumer: string, message: Message, at: string): Promise<Tries>;
  pardon(consumer: string, message: Message): Promise<void>;
}

/** Definitions that instances have pinned, for as long as the state lives. */
export interface Definitions {
  /** Idempotent. A pin names its content: what is kept under it never changes. */
  keep(pin: string, definition: unknown): Promise<void>;
  /** `id@version` without a hash finds one of that version. */
  find(pin: string): Promise<unknown>;
}

// ── stores of the services ──────────────────────────────────────────────────────────────────────

export type UploadSession = {
  readonly uploadId: string;
  readonly key: string;
  readonly contentType: string;
  readonly createdAt: string;
  readonly status: "Pending" | "Uploaded";
  readonly bytes: number | null;
  readonly checksum: string | null;
};
export interface Uploads {
  create(session: UploadSession): Promise<void>;
  find(uploadId: string): Promise<UploadSession | undefined>;
  /** Idempotent: the first claim stays. Throws E_UPLOAD_NOT_FOUND. */
  markUploaded(uploadId: string, claim: { bytes: number; checksum: string }): Promise<void>;
  /** Oldest first. */
  list(): Promise<readonly UploadSession[]>;
  /** Those that nobody has confirmed and that were begun before then (ISO 8601, UTC), oldest first. */
  pendingBefore(createdAt: string): Promise<readonly UploadSession[]>;
  /** Those for these objects, in no particular order. */
  ofKeys(keys: readonly string[]): Promise<readonly UploadSession[]>;
  /** Unknown ids are ignored. */
  remove(uploadIds: readonly string[]): Promise<void>;
}

/** One photograph in which a machine was seen. */
export type Sighting = {
  readonly flowId: string;
  readonly objectKey: string;
  /** ISO 8601, UTC. */
  readonly seenAt: string;
  readonly verdict: "new" | "known" | "ambiguous";
};
export type Machine = {
  readonly id: string;
  readonly brand: string | null;
  readonly type: string | null;
  readonly model: string | null;
  readonly name: string;
  readonly confidence: number;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  /** Oldest first. */
  readonly sightings: readonly Sighting[];
  /** Machines that this one may be the same as; a person has to say. */
  readonly resembles: readonly { readonly machineId: string; readonly score: number }[];
};
/**
 * What svc-machine-storage saves for one analysis. Of several of one machine the one with the highest
 * confidence gives brand, type, model, name and confidence, the first saved of equals; a resemblance
 * has its latest score; of two with the same `sighting.flowId` the first counts and the second is ignored.
 */
export type MachineObservation = {
  /** The machine to be added to, or created. The machine of the same picture goes before it. */
  readonly machineId: string;
  /** SHA-256 of the picture, lower-case hex; null when nobody computed it. */
  readonly checksum: string | null;
  readonly brand: string | null;
  readonly type: string | null;
  readonly model: string | null;
  readonly name: string;
  readonly confidence: number;
  readonly sighting: Sighting;
  readonly resembles: readonly { readonly machineId: string; readonly score: number }[];
};
/** What a machine is, without where it was seen. */
export type MachineSummary = Omit<Machine, "sightings">;
export interface Machines {
  /**
   * Creates the machine or adds the sighting to it, and gives its id. Idempotent by `sighting.flowId`. One
   * picture is one machine: an observation with the checksum of an earlier one belongs to that one's machine,
   * whatever its own `machineId` says, for that was found before both were stored.
   */
  save(observation: MachineObservation): Promise<string>;
  find(id: string): Promise<Machine | undefined>;
  /** Ids that start with `prefix`, for shortened ids on the command line. */
  idsWith(prefix: string): Promise<readonly string[]>;
  findByObjectKey(objectKey: string): Promise<Machine | undefined>;
  /** The machine of a picture that it was seen in under another key. `checksum` like an observation's. */
  ofPicture(checksum: string, exceptKey: string): Promise<MachineSummary | undefined>;
  /** Those of exactly that model, whatever the brand, in the order of their ids. */
  ofModel(model: string, page: MachinePage): Promise<readonly MachineSummary[]>;
  /** Most recently seen first, of equals in the order of their ids. */
  list(page: { readonly after?: Machine; readonly limit: number }): Promise<readonly Machine[]>;
  count(): Promise<{ readonly machines: number; readonly sightings: number }>;
  /** Removes all. */
  clear(): Promise<void>;
}
/** At most `limit` of those behind the id `after`. */
export type MachinePage = { readonly after: string | null; readonly limit: number };

/** A photograph, whatever the objects that hold it. */
export type Picture = {
  /** SHA-256 of the file, lower-case hex. */
  readonly checksum: string;
  /** Perceptual hash, 256 bits as 64 lower-case hex digits. */
  readonly perceptualHash: string;
};
/** What the comparison remembers of an object. */
export type Fingerprint = Picture & { readonly objectKey: string };
export interface Fingerprints {
  /** Idempotent by object key: an object has one, the last. */
  save(fingerprint: Fingerprint): Promise<void>;
  find(objectKey: string): Promise<Fingerprint | undefined>;
  /** The pictures of the same file or within so many bits, each once, in no particular order. */
  near(picture: Picture, bitsMax: number): Promise<readonly Picture[]>;
  /** Unknown keys are ignored. */
  remove(objectKeys: readonly string[]): Promise<void>;
}

export type StoredObject = {
  readonly key: string;
  readonly contentType: string;
  readonly sizeBytes: number;
};
export type PresignRequest = {
  readonly method: "GET" | "PUT";
  readonly key: string;
  /** Bound into the signature of a PUT; empty for a GET. */
  readonly contentType: string;
  readonly expiresInSeconds: number;
};
/** Objects and the URLs that give access to one of them for a while. */
export interface ObjectStore {
  /**
   * Durable when it resolves; never visible half-written. An object never changes: of puts at once the
   * first wins, the same bytes again change nothing (the first content type stays), and other bytes throw
   * E_OBJECT_EXISTS until the object is deleted. Equal bytes are stored once, for as long as a key needs
   * them. Throws E_OBJECT_KEY_INVALID.
   */
  put(key: string, bytes: Uint8Array, options: { contentType: string }): Promise<StoredObject>;
  get(key: string): Promise<(StoredObject & { readonly bytes: Uint8Array }) | undefined>;
  stat(key: string): Promise<StoredObject | undefined>;
  delete(key: string): Promise<void>;
  list(): Promise<readonly StoredObject[]>;
  /** `url` is absolute; `expiresAt` ISO 8601, UTC. The signature covers method, key, expiry and content type. */
  presign(request: PresignRequest): { readonly url: string; readonly expiresAt: string };
  /** Whether a request that came in may be served: the key, or why not. Any change to a signed URL is refused. */
  authorize(request: {
    readonly method: string;
    /** Path and query as they came in. */
    readonly target: string;
    readonly contentType: string;
  }):
    | { readonly allowed: true; readonly key: string }
    | { readonly allowed: false; readonly reason: "expired" | "signature" | "malformed" };
}

// ── HTTP between services ───────────────────────────────────────────────────────────────────────

export type HttpRequest = {
  readonly method: "GET" | "POST" | "PUT";
  readonly url: string;
  readonly headers?: Headers;
  readonly body?: Uint8Array | string;
  /** Default 30 000. */
  readonly timeoutMs?: number;
};
export type HttpResponse = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
};
export interface HttpClient {
  /** Any status is an answer. Throws E_SERVICE_UNAVAILABLE when there is none. */
  send(request: HttpRequest): Promise<HttpResponse>;
}

/** What a client of the gateway can do, whatever carries it. */
export interface GatewayClient {
  /** Throws E_UPLOAD_REFUSED with the reasons, E_SERVICE_UNAVAILABLE when nobody answers. */
  startUpload(input: { filename: string; contentType: string }): Promise<{
    readonly correlationId: string;
    readonly uploadId: string;
    readonly key: string;
    readonly putUrl: string;
    readonly expiresAt: string;
  }>;
  confirmUpload(input: {
    uploadId: string;
    bytes: number;
    checksum: string;
    correlationId: string;
  }): Promise<void>;
  /** Events of one flow from now on, in order. Resolves when the subscription is in force. */
  subscribe(correlationId: string, listener: ClientListener): Promise<Subscription>;
}
export type ClientListener = {
  onEvent(event: { readonly name: string; readonly id: string; readonly payload: unknown }): void;
  /** The connection is gone and will not come back. */
  onLost(reason: string): void;
};

// ── images ──────────────────────────────────────────────────────────────────────────────────────

export type ImageFormat = "jpeg" | "png" | "webp";
export type ImageHeader = {
  readonly format: ImageFormat;
  readonly contentType: "image/jpeg" | "image/png" | "image/webp";
  /** As stored, before the orientation is applied. */
  readonly width: number;
  readonly height: number;
  /** EXIF orientation 1–8; 1 when not given. */
  readonly orientation: number;
};
export type Colour = {
  /** `#rrggbb` */
  readonly hex: string;
  /** One of a small fixed set of English colour names. */
  readonly name: string;
  /** Part of the picture, 0–1. */
  readonly share: number;
};
export type Exif = {
  /** ISO 8601; with an offset when the camera gave one, without otherwise. */
  readonly capturedAt: string | null;
  readonly location: {
    readonly lat: number;
    readonly lon: number;
    readonly altitude?: number;
  } | null;
  readonly camera: string | null;
  readonly orientation: number | null;
  /** Everything readable, unsorted. */
  readonly entries: readonly {
    readonly group: string;
    readonly key: string;
    readonly value: string;
  }[];
  /** What could not be read, in words; empty when all was well. */
  readonly problems: readonly string[];
};
export interface Images {
  /**
   * Looks at the header only, never decodes. Throws E_IMAGE_EMPTY, E_IMAGE_NOT_AN_IMAGE,
   * E_IMAGE_TYPE_REFUSED, E_IMAGE_TOO_MANY_PIXELS, E_IMAGE_TRUNCATED.
   */
  identify(bytes: Uint8Array): Promise<ImageHeader>;
  /** Decodes all of it. Throws E_IMAGE_TRUNCATED or E_IMAGE_NOT_AN_IMAGE when that fails. */
  verify(bytes: Uint8Array): Promise<void>;
  /** 256-bit perceptual hash, 64 lower-case hex digits; the orientation is applied first. */
  perceptualHash(bytes: Uint8Array): Promise<string>;
  /** Dominant colours, largest share first, at most five. */
  colours(bytes: Uint8Array): Promise<readonly Colour[]>;
  /** Never throws for what is inside the image. */
  exif(bytes: Uint8Array): Promise<Exif>;
}

// ── vision ──────────────────────────────────────────────────────────────────────────────────────

/** One piece of text that was read in the picture. */
export type ReadText = {
  readonly text: string;
  /** How sure the reader is, 0–1. */
  readonly confidence: number;
  /** As parts of the upright picture, 0–1. */
  readonly box: {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  };
  /** How far the line is turned clockwise, if it is; the box then is as if the line were level. */
  readonly degrees?: number;
  /** Which look at the picture showed it (`whole@960`, …). */
  readonly preparation: string;
};
export type VisionProvider = {
  readonly name: string;
  readonly apiVersion: string | null;
  readonly featureset: readonly string[];
  readonly maxResults: number | null;
  readonly reasoningName: string | null;
  readonly reasoningModel: string | null;
};
/** What a provider says about the picture that is not text in it. */
export type VisionHint = {
  readonly source: "logo" | "web_best_guess" | "web_entity" | "label" | "object";
  readonly text: string;
  /** As the provider gives it; some of them exceed 1. Null where it gives none. */
  readonly score: number | null;
  /** Null for what is said of the whole picture. */
  readonly box: ReadText["box"] | null;
};
export type VisionReading = {
  readonly provider: VisionProvider;
  readonly texts: readonly ReadText[];
  readonly hints: readonly VisionHint[];
};
/** Brand and model, or the brand at least. */
export type Wanted = "machine" | "brand";
/** A provider that reads what is written in a photograph. */
export interface Vision {
  /**
   * Throws E_VISION_*, E_CASSETTE_*, or E_IMAGE_* for an image that cannot be read. `isEnough` is asked
   * between looks with all that was read so far; what only serves what is known may be left out.
   */
  read(
    image: Uint8Array,
    options: {
      isEnough: (texts: readonly ReadText[], wanted: Wanted) => boolean;
      signal?: AbortSignal;
    },
  ): Promise<VisionReading>;
  /** Starts what takes long to start, if anything does; `read` works without it. */
  warmUp(): void;
  close(): Promise<void>;
}

/** A vision service as it answers, before anything is made of the answer. */
export interface Annotator {
  /** What is asked of every picture, in the service's spelling. With the picture it settles the answer. */
  readonly features: readonly string[];
  /**
   * The answer for one picture, in the shape of the service's REST API. An answer that says that the
   * picture was refused is thrown, never returned. Throws E_VISION_*, E_CASSETTE_*; the signal's
   * reason when aborted.
   */
  annotate(image: Uint8Array, options?: { signal?: AbortSignal }): Promise<unknown>;
  close(): Promise<void>;
}

// ── what a person or a CI log sees ──────────────────────────────────────────────────────────────

/** One arrival: a message or a request that reached one receiver. */
export type Hop = {
  readonly flowId: string;
  readonly name: string;
  readonly kind: "command" | "event" | "timer" | "request" | "write";
  readonly transport: "graphql" | "http" | "kafka" | "rabbitmq" | "graphql-ws" | "timer" | "store";
  readonly from: string;
  readonly to: string;
  readonly atMs: number;
  readonly messageId: string | null;
  readonly causationId: string | null;
  /** A few words worth showing (`attempt 2/3`, `known`, …). */
  readonly note: string | null;
};
export interface Reporter {
  hop(hop: Hop): void;
  /** Something a person should know that is no hop: a redelivery, a parked message, a resumed flow. */
  notice(notice: {
    readonly code: string;
    readonly message: string;
    readonly flowId: string | null;
  }): void;
}
