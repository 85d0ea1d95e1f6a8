// A small safe language for conditions and `${…}`: parsed, never evaluated as code.
//
//   paths        input.a.b   steps.recognition.output.matches[0].machineId   (own properties only)
//   literals     1  0.5  'text'  "text"  true  false  null
//   operators    ! not   < <= > >=   == !=   && and   || or   a ? b : c   ( )
//   marker       `${…}` inside a condition is equivalent to parentheses
//
// Missing values, the one rule: a path that does not resolve is *missing*. Missing equals null, is neither smaller
// nor greater than anything, and is falsy. Values of different types are never equal and never ordered. Falsy
// values are false, null, missing, 0 and the empty text. `a && b` and `a || b` return one of their operands, as in
// JavaScript.

import { TuError } from "../errors.ts";

export type Scope = Readonly<Record<string, unknown>>;

type Operator = "<" | "<=" | ">" | ">=" | "==" | "!=";
export type Expression =
  | { readonly type: "literal"; readonly value: string | number | boolean | null }
  | { readonly type: "path"; readonly root: string; readonly keys: readonly (string | number)[] }
  | { readonly type: "not"; readonly operand: Expression }
  | { readonly type: "and" | "or"; readonly left: Expression; readonly right: Expression }
  | {
      readonly type: "compare";
      readonly operator: Operator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly type: "choose";
      readonly test: Expression;
      readonly yes: Expression;
      readonly no: Expression;
    };

const lengthMax = 1000;
/** A cache, mainly for definitions, which are few; other entries are evicted eventually. */
const parsed = new Map<string, Expression>();
const parsedMax = 1_000;

/** Throws E_EXPRESSION_INVALID with the position. The same source gives the same expression. */
export function parseExpression(source: string): Expression {
  const known = parsed.get(source);
  if (known !== undefined) return known;
  if (source.length > lengthMax) throw invalid(source, 0, `longer than ${lengthMax} characters`);
  const expression = parse(source, tokenize(source));
  if (parsed.size >= parsedMax) parsed.clear();
  parsed.set(source, expression);
  return expression;
}

/** Total: never throws. Returns undefined for a missing value. */
export function evaluate(expression: Expression, scope: Scope): unknown {
  switch (expression.type) {
    case "literal":
      return expression.value;
    case "path":
      return expression.keys.reduce(step, ownValue(scope, expression.root));
    case "not":
      return !isTrue(evaluate(expression.operand, scope));
    case "and": {
      const left = evaluate(expression.left, scope);
      return isTrue(left) ? evaluate(expression.right, scope) : left;
    }
    case "or": {
      const left = evaluate(expression.left, scope);
      return isTrue(left) ? left : evaluate(expression.right, scope);
    }
    case "compare":
      return compare(
        expression.operator,
        evaluate(expression.left, scope),
        evaluate(expression.right, scope),
      );
    case "choose":
      return evaluate(
        isTrue(evaluate(expression.test, scope)) ? expression.yes : expression.no,
        scope,
      );
    default:
      return expression satisfies never;
  }
}

export function isTrue(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== 0 && value !== "";
}

/** The roots that an expression reads (`input`, `steps`, …), each with its first key. */
export function pathsOf(expression: Expression): readonly { root: string; first?: string }[] {
  switch (expression.type) {
    case "literal":
      return [];
    case "path": {
      const [first] = expression.keys;
      return [
        typeof first === "string" ? { root: expression.root, first } : { root: expression.root },
      ];
    }
    case "not":
      return pathsOf(expression.operand);
    case "and":
    case "or":
    case "compare":
      return [...pathsOf(expression.left), ...pathsOf(expression.right)];
    case "choose":
      return [expression.test, expression.yes, expression.no].flatMap(pathsOf);
    default:
      return expression satisfies never;
  }
}

function step(value: unknown, key: string | number): unknown {
  if (Array.isArray(value)) return typeof key === "number" ? value[key] : undefined;
  return ownValue(value, String(key));
}

function ownValue(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  // Own properties only: `constructor` and the like are missing. The cast is safe after the check above.
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}

function compare(operator: Operator, left: unknown, right: unknown): boolean {
  if (operator === "==") return equal(left, right);
  if (operator === "!=") return !equal(left, right);
  const ordered =
    (typeof left === "number" && typeof right === "number") ||
    (typeof left === "string" && typeof right === "string");
  if (!ordered) return false;
  // Both are numbers or both are text, checked above.
  const [a, b] = [left as number, right as number];
  if (operator === "<") return a < b;
  if (operator === "<=") return a <= b;
  return operator === ">" ? a > b : a >= b;
}

function equal(left: unknown, right: unknown): boolean {
  return (left ?? null) === (right ?? null);
}

// ── parsing ─────────────────────────────────────────────────────────────────────────────────────

type Token = {
  readonly at: number;
  readonly type: "number" | "text" | "name" | "symbol" | "end";
  readonly value: string;
};

const tokenPattern =
  /\s*(?:(\d+(?:\.\d+)?)|'([^']*)'|"([^"]*)"|([A-Za-z_][\w-]*)|(\$\{|[<>=!]=|&&|\|\||[<>!?:()[\].}]))/y;
const words: ReadonlyMap<string, string> = new Map([
  ["and", "&&"],
  ["or", "||"],
  ["not", "!"],
]);

function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  while (source.slice(tokenPattern.lastIndex).trim() !== "") {
    const at = tokenPattern.lastIndex;
    const match = tokenPattern.exec(source);
    if (match === null) throw invalid(source, at, "unexpected character");
    tokens.push(tokenOf(match, at));
  }
  tokens.push({ at: source.length, type: "end", value: "" });
  return tokens;
}

function tokenOf(match: RegExpExecArray, at: number): Token {
  const [, number, single, double, name, symbol] = match;
  if (number !== undefined) return { at, type: "number", value: number };
  const text = single ?? double;
  if (text !== undefined) return { at, type: "text", value: text };
  if (name !== undefined) {
    const operator = words.get(name);
    return operator === undefined
      ? { at, type: "name", value: name }
      : { at, type: "symbol", value: operator };
  }
  return {
    at,
    type: "symbol",
    value: symbol === "${" ? "(" : symbol === "}" ? ")" : (symbol ?? ""),
  };
}

const depthMax = 50;

function parse(source: string, tokens: readonly Token[]): Expression {
  let position = 0;
  let depth = 0;
  const end: Token = { at: source.length, type: "end", value: "" };

  const peek = (): Token => tokens[position] ?? end;
  const isNext = (value: string) => peek().type === "symbol" && peek().value === value;
  const take = (): Token => {
    const token = peek();
    position += 1;
    return token;
  };
  const accept = (value: string): boolean => {
    if (!isNext(value)) return false;
    position += 1;
    return true;
  };
  const expect = (value: string): void => {
    if (!accept(value)) throw invalid(source, peek().at, `expected ${value}`);
  };

  function choice(): Expression {
    depth += 1;
    if (depth > depthMax) throw invalid(source, peek().at, `nested deeper than ${depthMax}`);
    const test = disjunction();
    const result: Expression = accept("?") ? branches(test) : test;
    depth -= 1;
    return result;
  }
  function branches(test: Expression): Expression {
    const yes = choice();
    expect(":");
    return { type: "choose", test, yes, no: choice() };
  }
  function disjunction(): Expression {
    let left = conjunction();
    while (accept("||")) left = { type: "or", left, right: conjunction() };
    return left;
  }
  function conjunction(): Expression {
    let left = comparison();
    while (accept("&&")) left = { type: "and", left, right: comparison() };
    return left;
  }
  function comparison(): Expression {
    const left = unary();
    const { type, value } = peek();
    if (type !== "symbol" || !isOperator(value)) return left;
    take();
    return { type: "compare", operator: value, left, right: unary() };
  }
  function unary(): Expression {
    let negations = 0;
    while (accept("!")) negations += 1;
    let operand = primary();
    for (; negations > 0; negations -= 1) operand = { type: "not", operand };
    return operand;
  }
  function primary(): Expression {
    const token = take();
    if (token.type === "number") return { type: "literal", value: Number(token.value) };
    if (token.type === "text") return { type: "literal", value: token.value };
    if (token.type === "name") return constant(token.value) ?? path(token.value);
    if (token.type === "symbol" && token.value === "(") {
      const inner = choice();
      expect(")");
      return inner;
    }
    throw invalid(source, token.at, token.type === "end" ? "unexpected end" : "expected a value");
  }
  function path(root: string): Expression {
    const keys: (string | number)[] = [];
    for (;;) {
      if (accept(".")) keys.push(key(["name"]));
      else if (accept("[")) {
        keys.push(key(["number", "text"]));
        expect("]");
      } else return { type: "path", root, keys };
    }
  }
  function key(types: readonly Token["type"][]): string | number {
    const token = take();
    if (!types.includes(token.type)) throw invalid(source, token.at, "expected a key");
    return token.type === "number" ? Number(token.value) : token.value;
  }

  const expression = choice();
  if (peek().type !== "end") throw invalid(source, peek().at, "expected the end");
  return expression;
}

function isOperator(value: string): value is Operator {
  return ["<", "<=", ">", ">=", "==", "!="].includes(value);
}

function constant(name: string): Expression | undefined {
  if (name === "true" || name === "false") return { type: "literal", value: name === "true" };
  return name === "null" ? { type: "literal", value: null } : undefined;
}

function invalid(source: string, at: number, why: string): TuError {
  const shown = source.length > 80 ? `${source.slice(0, 80)}…` : source;
  return new TuError("E_EXPRESSION_INVALID", `in \`${shown}\` at ${at + 1}: ${why}`, {
    hint: "paths, literals, comparisons, && || !, a ? b : c and parentheses are allowed",
  });
}
