import { type Expression, evaluate, parseExpression, type Scope } from "./expression.ts";

const marker = /\$\{([^}]*)\}/g;
const wholeMarker = /^\$\{([^}]*)\}$/;

/**
 * Fills `${…}` in a JSON value. A marker that is the whole text becomes the value itself; within a longer text it
 * becomes the value's text. A missing value omits its property, is null in a list, and empty within a text.
 */
export function fill(template: unknown, scope: Scope): unknown {
  if (typeof template === "string") return fillText(template, scope);
  if (Array.isArray(template)) return template.map((item) => fill(item, scope) ?? null);
  if (typeof template !== "object" || template === null) return template;
  const filled = Object.entries(template)
    .map(([key, value]) => [key, fill(value, scope)] as const)
    .filter(([, value]) => value !== undefined);
  return Object.fromEntries(filled);
}

/** The expressions in a template. Throws E_EXPRESSION_INVALID. */
export function expressionsIn(template: unknown): readonly Expression[] {
  if (typeof template === "string") {
    return [...template.matchAll(marker)].map(([, source]) => parseExpression(source ?? ""));
  }
  if (typeof template !== "object" || template === null) return [];
  return Object.values(template).flatMap(expressionsIn);
}

function fillText(template: string, scope: Scope): unknown {
  const whole = wholeMarker.exec(template)?.[1];
  if (whole !== undefined) return evaluate(parseExpression(whole), scope);
  return template.replace(marker, (_, source: string) =>
    asText(evaluate(parseExpression(source), scope)),
  );
}

function asText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
