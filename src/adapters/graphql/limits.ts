import {
  type ASTVisitor,
  type FragmentDefinitionNode,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from "graphql";
import type { createGraphQLError } from "graphql-yoga";

// The limits of one request. The documents of known clients need a tenth of them.

export const tokensMax = 1_000;
export const bodyBytesMax = 64 * 1024;
/** Concurrently, on one connection. */
export const subscriptionsMax = 100;
export const depthMax = 15;
export const aliasesMax = 15;
/** Fragments count wherever they are spread: a document of few tokens can expand to very many. */
export const fieldsMax = 500;
export const operationsMax = 10;

/** Added to the rules of the specification. `toError` is the server's own, see `createResolvers`. */
export function limitingRules(options: {
  readonly introspection: boolean;
  readonly toError: typeof createGraphQLError;
}): ValidationRule[] {
  const ruleOf = (visit: (refuse: Refuse, context: ValidationContext) => ASTVisitor) => {
    const rule: ValidationRule = (context) =>
      visit((message) => context.reportError(options.toError(message)), context);
    return rule;
  };
  const limits = ruleOf(asksForTooMuch);
  return options.introspection ? [limits] : [limits, ruleOf(asksForTheSchema)];
}

type Refuse = (message: string) => void;

/** By name: the rule that ships with graphql requires types of its own copy of the library. */
const asksForTheSchema = (refuse: Refuse): ASTVisitor => ({
  Field({ name: { value } }) {
    if (value === "__schema" || value === "__type")
      refuse("introspection is disabled; set TU_ANALYZE_INTROSPECTION=true to enable it");
  },
});

type Asked = { readonly depth: number; readonly aliases: number; readonly fields: number };
const nothing: Asked = { depth: 0, aliases: 0, fields: 0 };

const asksForTooMuch = (refuse: Refuse, context: ValidationContext): ASTVisitor => ({
  Document({ definitions }) {
    const operations = definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    if (operations.length > operationsMax)
      refuse(`more than ${operationsMax} operations in one request`);
  },
  OperationDefinition({ selectionSet }) {
    const { aliases, depth, fields } = measure(selectionSet, context);
    if (depth > depthMax) refuse(`fields nested deeper than ${depthMax}`);
    if (aliases > aliasesMax) refuse(`more than ${aliasesMax} aliases in one request`);
    if (fields > fieldsMax) refuse(`more than ${fieldsMax} fields in one request`);
  },
});

/** Each fragment is measured once. A rule of the specification rejects one that spreads itself. */
function measure(root: SelectionSetNode, context: ValidationContext): Asked {
  const known = new Map<FragmentDefinitionNode, Asked>();
  const ofSet = ({ selections }: SelectionSetNode): Asked =>
    selections.map(ofOne).reduce(both, nothing);
  const ofOne = (selection: SelectionSetNode["selections"][number]): Asked => {
    if (selection.kind === Kind.FRAGMENT_SPREAD) return ofFragment(selection.name.value);
    const below = selection.selectionSet === undefined ? nothing : ofSet(selection.selectionSet);
    if (selection.kind === Kind.INLINE_FRAGMENT) return below;
    return {
      depth: below.depth + 1,
      aliases: below.aliases + (selection.alias === undefined ? 0 : 1),
      fields: below.fields + 1,
    };
  };
  const ofFragment = (name: string): Asked => {
    const fragment = context.getFragment(name);
    if (fragment === null || fragment === undefined) return nothing;
    const found = known.get(fragment);
    if (found !== undefined) return found;
    known.set(fragment, nothing); // while it is being measured
    const asked = ofSet(fragment.selectionSet);
    known.set(fragment, asked);
    return asked;
  };
  return ofSet(root);
}

const both = (one: Asked, other: Asked): Asked => ({
  depth: Math.max(one.depth, other.depth),
  aliases: one.aliases + other.aliases,
  fields: one.fields + other.fields,
});
