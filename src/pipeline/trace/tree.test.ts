import fc from "fast-check";
import { expect, test } from "vitest";
import { sampleHop } from "./hop.samples.ts";
import { type TreeNode, toTree } from "./tree.ts";

const request = (name: string, from: string, to: string) =>
  sampleHop({ name, from, to, kind: "request", messageId: null, causationId: null });
const message = (id: string, causationId: string | null, from: string, to: string) =>
  sampleHop({ name: id, messageId: id, causationId, from, to });

type Hop = ReturnType<typeof sampleHop>;
const drawn = (nodes: readonly TreeNode<Hop>[]): unknown =>
  nodes.map(({ children, hop, link }) => [`${hop.name} ${link ?? "-"}`, drawn(children)]);

test("a message follows from the one it names, at the consumer that sent it", () => {
  const tree = toTree([
    message("uploaded", null, "ingestion", "bridge"),
    message("uploaded", null, "ingestion", "vision"),
    message("forwarded", "uploaded", "bridge", "orchestrator"),
    message("recognised", "uploaded", "vision", "bridge"),
  ]);
  expect(drawn(tree)).toEqual([
    ["uploaded -", [["forwarded causation", []]]],
    ["uploaded -", [["recognised causation", []]]],
  ]);
});

test("a request, and a message whose cause was not seen, follow from what their sender received last", () => {
  const tree = toTree([
    request("startUpload", "client", "gateway"),
    request("POST start", "gateway", "ingestion"),
    request("confirmUpload", "client", "gateway"),
    request("POST confirm", "gateway", "ingestion"),
    message("uploaded", "unseen", "ingestion", "bridge"),
  ]);
  expect(drawn(tree)).toEqual([
    ["startUpload -", [["POST start sender", []]]],
    ["confirmUpload -", [["POST confirm sender", [["uploaded sender", []]]]]],
  ]);
});

test("every arrival is in the tree once, below an earlier one", () => {
  const party = fc.constantFrom("a", "b", "c");
  const id = fc.option(fc.constantFrom("1", "2", "3"), { nil: null });
  const hop = fc.record({ from: party, to: party, messageId: id, causationId: id });
  fc.assert(
    fc.property(fc.array(hop, { maxLength: 12 }), (parts) => {
      const hops = parts.map((part, atMs) => sampleHop({ ...part, atMs }));
      const flat: Hop[] = [];
      const walk = (nodes: readonly TreeNode<Hop>[], afterMs: number) => {
        for (const node of nodes) {
          expect(node.hop.atMs).toBeGreaterThan(afterMs);
          flat.push(node.hop);
          walk(node.children, node.hop.atMs);
        }
      };
      walk(toTree(hops), -1);
      expect(new Set(flat)).toEqual(new Set(hops));
      expect(flat).toHaveLength(hops.length);
    }),
  );
});
