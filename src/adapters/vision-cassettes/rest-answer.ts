import * as z from "zod";
import { TuError } from "../../pipeline/errors.ts";

const Answer = z.record(z.string(), z.unknown());
const Answers = z.array(Answer).min(1);
const Refusal = z.object({
  error: z.object({
    code: z.int(),
    message: z.string().catch(""),
    status: z.string().optional(),
  }),
});

/** Distinguishes a single answer from any other object. */
const fields = /Annotations?$|^webDetection$/;

/**
 * The answers in a file as the REST API prints them: the whole response, or a single answer from it, in UTF-8 with
 * or without a byte order mark. Throws E_VISION_ANSWER_INVALID, also for an answer that is an error.
 */
export function readRestAnswers(bytes: Uint8Array, file: string): readonly unknown[] {
  const body = Answer.safeParse(parsed(decoded(bytes, file), file)).data ?? {};
  const answers = answersOf(body);
  if (answers === undefined) {
    const error = errorIn(body);
    throw invalid(file, error ? `holds an error: ${error}` : "is not a Google Vision response");
  }
  for (const [index, answer] of answers.entries()) {
    const error = errorIn(answer);
    if (error !== undefined)
      throw invalid(file, `holds an error as response ${index + 1}: ${error}`);
  }
  return answers;
}

function answersOf(body: z.infer<typeof Answer>): readonly unknown[] | undefined {
  if ("responses" in body) return Answers.safeParse(body["responses"]).data;
  return Object.keys(body).some((name) => fields.test(name)) ? [body] : undefined;
}

function errorIn(value: unknown): string | undefined {
  const { data } = Refusal.safeParse(value);
  if (data === undefined || data.error.code === 0) return undefined;
  const { code, message, status } = data.error;
  return `${status ?? code}, ${message}`;
}

function decoded(bytes: Uint8Array, file: string): string {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (isUtf16) throw invalid(file, "is UTF-16 text; save it as UTF-8");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes); // drops a byte order mark
  } catch (error) {
    throw invalid(file, "is not UTF-8 text", error);
  }
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw invalid(file, "is not JSON", error);
  }
}

function invalid(file: string, what: string, cause?: unknown): TuError {
  return new TuError("E_VISION_ANSWER_INVALID", `${file} ${what}`, {
    hint: "provide the response of `POST https://vision.googleapis.com/v1/images:annotate`",
    cause,
  });
}
