import type { HelpText } from "./help-type.ts";

// The help of the commands that look at flows and messages.

const variables = ["TU_ANALYZE_CONTEXT", "TU_ANALYZE_STATE_DIR"];
const unwritable = ["5", "permission denied"] as const;
const newer = ["8", "what was seen was written by a newer version"] as const;

const filterNote =
  "A filter is a list of terms that must all hold: name=analysis.* header.x-producer=ingestion body.aggregate.confidence<0.5. ! negates, ~ is a regular expression, a field alone asks for any value.";

const traceHelp: HelpText = {
  examples: [
    ["tu-analyze trace 01a22c11", "the beginning of a flow id"],
    ["tu-analyze trace images/2026/11/30/01a2….jpg --format timeline"],
    ["tu-analyze trace 01a22c11 -o json | jq .verdict"],
    ["tu-analyze trace --since 10m --follow --where 'name=recognition.*'"],
    ["tu-analyze trace --context staging --since 10m --follow", "with nothing of ours there"],
  ],
  notes: [
    "What led to what: a message names its cause; a request follows from what its sender had received last. The verdict at the end comes from the hops that the flow declares.",
    "On a cluster, topics are read from --since on, without a group, and exchanges are watched by exclusive queues: no message is taken and no offset moved. What is seen is kept with the state. RabbitMQ keeps no history.",
    filterNote,
  ],
  variables,
  exitCodes: [
    ["0", "the flow is complete, under way, or not known; a period was printed"],
    ["1", "it failed, is stuck, or was abandoned"],
    ["2", "several flows fit; invalid usage or configuration"],
    ["4", "no such flow was seen"],
    unwritable,
    newer,
  ],
};

const flowsHelp: HelpText = {
  examples: [
    ["tu-analyze flows --status failed,stuck --since 1h"],
    ["tu-analyze flows --where 'machine.name=*komatsu* machine.confidence<0.8'"],
    ["tu-analyze flows -o jsonl | jq -r '[.flowId, .status, .picture] | @tsv'"],
    ["tu-analyze flows show 01a22c11"],
  ],
  notes: [
    filterNote,
    "Flows are seen by every pipeline of this state directory, and by uploads through a gateway that others run.",
  ],
  variables,
  exitCodes: [
    ["0", "listed, even if there are none"],
    ["2", "invalid usage or configuration"],
    unwritable,
    newer,
  ],
};

const publishHelp: HelpText = {
  examples: [
    ["tu-analyze publish tu.images.uploaded --set objectKey=images/2026/11/30/a.jpg --wait"],
    ["tu-analyze publish analysis.recognition.request --dry-run", "what would be sent, and where"],
    ["tu-analyze publish recognition.failed --edit --context staging --confirm staging"],
    [
      "tu-analyze publish tu.image.uploaded --no-validate --data 'no json'",
      "how is rubbish taken?",
    ],
    ["tu-analyze trace 01a22c11 -o jsonl | tu-analyze publish --data -", "the same bytes again"],
  ],
  notes: [
    "The template is the message's example with a new id and the time. An upload begins a flow; any other message joins the flow of its picture, unless -H x-correlation-id=… names another. A pipeline that runs in the same state directory gets it; without one, a pipeline of its own runs until it is recorded.",
  ],
  variables: [...variables, "TU_ANALYZE_FLOW", "TU_ANALYZE_TIMEOUT", "VISUAL, EDITOR"],
  exitCodes: [
    ["0", "sent; with --wait: its flow completed"],
    ["1", "no queue took it; with --wait: its flow failed"],
    ["2", "an unknown field, or a body that the schema refuses; invalid usage or configuration"],
    ["4", "no message has this name, or there is no such file"],
    ["6", "cannot connect to the context's brokers"],
    ["7", "with --wait: its flow did not end in time"],
    ["8", "a message with this --id was seen before"],
    ["9", "the context is protected or read-only"],
  ],
};

export const tracingHelp: Readonly<Record<string, HelpText>> = {
  "tu-analyze publish": publishHelp,
  "tu-analyze trace": traceHelp,
  "tu-analyze flows": flowsHelp,
  "tu-analyze flows show": {
    ...traceHelp,
    examples: [["tu-analyze flows show 01a22c11"], ["tu-analyze flows show 01a22c11 -o json"]],
  },
};
