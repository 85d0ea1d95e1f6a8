import type { Contract } from "../pipeline/contracts/contract.ts";
import { describeError, TuError } from "../pipeline/errors.ts";
import { type Draft, type DraftInput, drafted } from "../pipeline/operations/publish.ts";
import { areRecords, recordedDrafts } from "../pipeline/operations/republish.ts";

// From the options of `publish` to the messages that it sends.

/** Options as validated by commander. */
export type DraftOptions = {
  readonly over?: DraftInput["transport"];
  readonly set?: readonly string[];
  readonly data?: string;
  readonly key?: string;
  readonly id?: string;
  readonly edit?: boolean;
  readonly validate?: boolean;
};
/** What was read of the others. */
type DraftRead = {
  /** Null: --data holds records of a trace. */
  readonly contract: Contract | null;
  readonly count: number;
  readonly headers: DraftInput["headers"];
};

type Drafting = Parameters<typeof drafted>[1] & {
  /** The flow in which this picture was seen. */
  readonly flowOf: (objectKey: string) => Promise<string | null>;
};

/** What the command line describes, ready to be sent. Throws E_USAGE. */
export async function draftsOf(
  text: string | null,
  options: DraftOptions,
  { contract, count, headers }: DraftRead,
  ports: Drafting,
): Promise<readonly Draft[]> {
  if (contract === null) return recordsIn(text ?? "");
  const input: DraftInput = {
    ...{ contract, headers, sets: options.set ?? [] },
    transport: options.over ?? null,
    body: bodyIn(text, options),
    ...{ key: options.key ?? null, id: options.id ?? null, flowId: null },
  };
  const first = options.edit === true ? await edited(input, ports) : input;
  const drafts: Draft[] = [];
  for (let index = 0; index < count; index += 1) {
    const draft = drafted(first, ports);
    drafts.push(await joined(draft, first, contract, ports));
  }
  return drafts;
}

/** An upload begins a flow; everything else belongs to that of its picture. */
async function joined(
  draft: Draft,
  input: DraftInput,
  { name }: Contract,
  ports: Drafting,
): Promise<Draft> {
  const { subject } = draft.message;
  if (name.endsWith(".uploaded") || subject === "") return draft;
  const flowId = await ports.flowOf(subject);
  return flowId === null ? draft : drafted({ ...input, id: draft.message.id, flowId }, ports);
}

async function edited(input: DraftInput, ports: Drafting): Promise<DraftInput> {
  const { editText } = await import("./edit-text.ts");
  const { message } = drafted(input, ports);
  const text = await editText(
    `${JSON.stringify(message.payload, null, 2)}\n`,
    `${message.name}.json`,
  );
  return { ...input, sets: [], body: { payload: parsed(text) } };
}

function recordsIn(text: string): readonly Draft[] {
  if (areRecords(text)) return recordedDrafts(text);
  throw new TuError("E_USAGE", "<message> is missing, and --data holds no records of a trace", {
    hint: "name the message, or pipe `tu-analyze trace -o jsonl`",
  });
}

function bodyIn(text: string | null, { validate }: DraftOptions): DraftInput["body"] {
  if (text === null) return null;
  return validate === false ? { bytes: new TextEncoder().encode(text) } : { payload: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new TuError("E_USAGE", `the body is not JSON: ${describeError(cause).reason}`, {
      hint: "correct it, or send it as it is with --no-validate",
      cause,
    });
  }
}

const dataBytesMax = 64 * 1024 * 1024;

/** The text of --data: of a file, of standard input, or itself. */
export async function dataOf({ data }: DraftOptions, signal: AbortSignal): Promise<string | null> {
  if (data === undefined) return null;
  if (data !== "-" && !data.startsWith("@")) return data;
  const { openInput } = await import("./compose-images.ts");
  const { read } = await openInput();
  const onTooLarge = () => new TuError("E_USAGE", `${data} is larger than 64 MB`);
  const path = data === "-" ? data : data.slice(1);
  return new TextDecoder().decode(await read(path, { bytesMax: dataBytesMax, onTooLarge, signal }));
}
