import { tracingHelp } from "./help-tracing.ts";
import type { HelpText } from "./help-type.ts";

// The text of `--help` apart from the options.

const usage = ["2", "invalid usage"] as const;
const configured = ["2", "invalid usage or configuration"] as const;
const unwritable = ["5", "permission denied"] as const;
const elsewhere = ["8", "the state is of a newer version, or another process holds it"] as const;
const vision = ["", "_DIR", "_MODELS", "_RUNTIME", "_ENDPOINT"].map(
  (end) => `TU_ANALYZE_VISION${end}`,
);
const limits = ["TU_ANALYZE_KEEP_FOR", "TU_ANALYZE_KEEP_FLOWS"];
const pictures = [...vision, "TU_ANALYZE_MAX_VISION_CALLS", "GOOGLE_APPLICATION_CREDENTIALS"];
const pipeline = [
  ...[
    "TU_ANALYZE_CONTEXT",
    "TU_ANALYZE_STATE_DIR",
    "TU_ANALYZE_FLOW",
    "TU_ANALYZE_TIMEOUT",
    "TU_ANALYZE_CONCURRENCY",
  ],
  ...[...limits, "TU_ANALYZE_ALLOWED_HOSTS", "TU_ANALYZE_ALLOWED_ORIGINS"],
  ...["TU_ANALYZE_INTROSPECTION", ...pictures],
];

const programHelp: HelpText = {
  examples: [
    ["tu-analyze upload photo.jpg", "the whole pipeline for one image"],
    ["tu-analyze up", "the pipeline, running, for clients and uploads"],
    ["tu-analyze upload *.jpg --batch -o json", "many, as one document"],
    ["tu-analyze upload photo.jpg --expect model=930G", "exit 1 unless this is recognised"],
    ["tu-analyze recognise photo.jpg --annotate a.png", "the reading, drawn on the picture"],
    ["tu-analyze trace 01a22c11", "what became of a flow, and why"],
    ["tu-analyze machines -o json", "the recognised machines so far"],
  ],
  notes: ["Flags override variables, and variables override files."],
  variables: [...pipeline, "NO_COLOR"],
  exitCodes: [
    ["0", "success"],
    ["1", 'it ran, and the answer is "failed"'],
    configured,
    ["3", "partial success"],
    ["4", "not found"],
    unwritable,
    ["6", "cannot connect"],
    ["7", "deadline exceeded"],
    ["8", "conflict"],
    ["9", "refused by a guard"],
    ["70", "a bug in tu-analyze"],
    ["130, 143", "interrupted; terminated"],
  ],
};

const uploadHelp: HelpText = {
  examples: [
    ["tu-analyze upload photo.jpg --ephemeral --expect brand=Caterpillar,model=930G,verdict=new"],
    ["tu-analyze upload photos/*.jpg --batch -o jsonl"],
    ["tu-analyze upload photo.jpg --fault recognition=fail-once --timings"],
    ["curl -s https://example.org/photo.jpg | tu-analyze upload -"],
  ],
  notes: [
    "A pipeline that runs in the same state directory (`tu-analyze up`) is used, unless an option asks for a pipeline of its own: --ephemeral, --in-process, --fault, --step-timeout, or another --flow or --vision.",
  ],
  variables: pipeline,
  exitCodes: [
    ["0", "analysed, as expected"],
    ["1", "an analysis failed or did not meet an expectation, or every image failed"],
    ["2, 4, 5", "invalid usage or configuration; a single image was rejected"],
    ["3", "some images succeeded and some did not"],
    ["7", "deadline exceeded"],
    elsewhere,
    [
      "130, 143",
      "stopped: each image reports its fate, and the next start resumes what was accepted",
    ],
  ],
};

const upHelp: HelpText = {
  examples: [
    ["tu-analyze up", "in a terminal, until Ctrl-C"],
    ["tu-analyze up --detach && tu-analyze upload photo.jpg; tu-analyze down"],
    ["tu-analyze up --flow current --port 7600 --ephemeral"],
    ["tu-analyze up --context staging --only svc-messaging-bridge", "beside deployed services"],
    ["tu-analyze up --port 0 --ready-file ready.json", "any free ports; the file has them"],
  ],
  notes: [
    "It is ready when a canary has gone over every transport and the object store. `upload` with the same state directory uses it. If a port is taken, that service listens 20 ports further on.",
  ],
  variables: [...pipeline, "TU_ANALYZE_PORT"],
  exitCodes: [
    ["0", "with --detach: it is ready"],
    ["1", "with --detach: it did not start"],
    ["2, 5", "invalid usage or configuration; permission denied"],
    ["6", "cannot connect to the context's brokers or bucket"],
    ["7", "with --detach: not ready in time, and stopped"],
    ["8", "the ports are taken; or the state is of a newer version, or held by another process"],
    ["9", "the context is protected or read-only"],
    ["130, 143", "stopped: the next start resumes what was accepted and did not end"],
  ],
};

const psHelp: HelpText = {
  examples: [["tu-analyze ps"], ["tu-analyze ps -o jsonl | jq -r .graphql"]],
  variables: ["TU_ANALYZE_STATE_DIR"],
  exitCodes: [["0", "listed, even if nothing runs"], configured, unwritable],
};

const waitHelp: HelpText = {
  examples: [
    ["tu-analyze wait --ready --timeout 30s"],
    ["url=$(tu-analyze wait --ready -o json | jq -r .graphql)"],
  ],
  variables: ["TU_ANALYZE_STATE_DIR", "TU_ANALYZE_TIMEOUT"],
  exitCodes: [["0", "one is ready"], configured, ["7", "none was ready in time"]],
};

const downHelp: HelpText = {
  examples: [["tu-analyze down"], ["tu-analyze down 4711 4712", "if several run"]],
  notes: [
    "It stops accepting, finishes what its services are working on, and ends within 10 s. A process that has not ended after 15 s is killed, which loses nothing either.",
  ],
  variables: ["TU_ANALYZE_STATE_DIR", "TU_ANALYZE_TIMEOUT"],
  exitCodes: [
    ["0", "stopped, or nothing ran"],
    ["1", "it may not be stopped by this user"],
    ["2", "several run, and none is named; invalid usage or configuration"],
    ["4", "no pipeline has this process id"],
    ["7", "it did not end in time"],
  ],
};

const contextHelp: HelpText = {
  examples: [
    ["tu-analyze context list"],
    ["tu-analyze context test staging", "whether each leg answers, and how fast"],
    ["tu-analyze context use staging", "from now on"],
    ["KAFKA_BROKERS=… RABBIT_HOST=… tu-analyze up --context env"],
  ],
  notes: [
    "local is embedded; env takes everything from the variables of the deployed services; others are configured in `contexts` (see the README).",
  ],
  variables: ["TU_ANALYZE_CONTEXT"],
  exitCodes: [usage, ["others", "see `tu-analyze context <command> --help`"]],
};

const contextVariables = ["TU_ANALYZE_CONTEXT", "TU_ANALYZE_STATE_DIR"];

const contextListHelp: HelpText = {
  examples: [["tu-analyze context list"], ["tu-analyze context list -o jsonl | jq -r .name"]],
  variables: contextVariables,
  exitCodes: [["0", "listed"], configured],
};

const contextShowHelp: HelpText = {
  examples: [["tu-analyze context show"], ["tu-analyze context show staging -o json"]],
  variables: contextVariables,
  exitCodes: [
    ["0", "shown"],
    ["2", "there is no such context; invalid usage or configuration"],
  ],
};

const contextUseHelp: HelpText = {
  examples: [
    ["tu-analyze context use staging"],
    ["tu-analyze context use local", "back to everything embedded"],
  ],
  notes: ["--context, TU_ANALYZE_CONTEXT and `context` in a file go first."],
  variables: contextVariables,
  exitCodes: [
    ["0", "chosen"],
    ["2", "there is no such context; invalid usage or configuration"],
    unwritable,
  ],
};

const contextTestHelp: HelpText = {
  examples: [
    ["tu-analyze context test"],
    ["tu-analyze context test staging -o json | jq '.legs[] | [.name, .ms]'"],
  ],
  notes: [
    "A canary goes over each leg; of a read-only context it is only asked whether it answers. The times are those of a second round trip, on open connections.",
  ],
  variables: contextVariables,
  exitCodes: [
    ["0", "every leg works"],
    ["1", "a leg does not work"],
    ["2", "there is no such context, or a secret cannot be read; invalid usage or configuration"],
    ["7", "deadline exceeded"],
  ],
};

const recogniseHelp: HelpText = {
  examples: [
    ["tu-analyze recognise photo.jpg --annotate read.png"],
    ["tu-analyze recognise photos/*.jpg --batch -o jsonl"],
  ],
  notes: [
    "--annotate writes a .png, .jpg or .webp. It overwrites existing files, but never an input image. In a directory, which is created, each image becomes <image name>.png.",
  ],
  variables: ["TU_ANALYZE_TIMEOUT", ...pictures],
  exitCodes: [
    ["0", "the image was read, whatever was found in it"],
    ["1", "every image failed"],
    ["2, 4, 5", "invalid usage or configuration; a single image was rejected"],
    ["3", "some images could not be read"],
    ["7", "deadline exceeded"],
    ["130, 143", "interrupted; terminated"],
  ],
};

const completionHelp: HelpText = {
  examples: [
    ["source <(tu-analyze completion bash)", "in this shell; zsh can do the same"],
    ["tu-analyze completion bash > ~/.local/share/bash-completion/completions/tu-analyze"],
    [`tu-analyze completion zsh > "\${fpath[1]}/_tu-analyze"`],
    ["tu-analyze completion fish > ~/.config/fish/completions/tu-analyze.fish"],
  ],
  exitCodes: [
    ["0", "printed"],
    ["2", "invalid usage, such as another shell"],
  ],
};

const versionHelp: HelpText = {
  examples: [
    ["tu-analyze version"],
    ["tu-analyze version -o json | jq -r .version"],
    ["tu-analyze --version", "the number alone"],
  ],
  exitCodes: [["0", "printed"], usage],
};

const machinesHelp: HelpText = {
  examples: [
    ["tu-analyze machines --limit 20"],
    ["tu-analyze machines -o jsonl | jq -r '[.id, .name] | @tsv'"],
    ["tu-analyze machines show 0198c7e6"],
  ],
  variables: ["TU_ANALYZE_STATE_DIR"],
  exitCodes: [["0", "listed, even if there are none"], configured, elsewhere],
};

const showHelp: HelpText = {
  examples: [
    ["tu-analyze machines show 0198c7e6"],
    ["tu-analyze machines show 0198c7e6 -o json | jq .sightings"],
  ],
  variables: ["TU_ANALYZE_STATE_DIR"],
  exitCodes: [
    ["0", "shown"],
    ["2", "several machines have an id that begins like this; invalid usage or configuration"],
    ["4", "no machine has this id"],
    elsewhere,
  ],
};

const messagesHelp: HelpText = {
  examples: [
    ["tu-analyze messages"],
    ["tu-analyze messages analysis.completed"],
    ["tu-analyze messages tu.images.uploaded --example"],
    ["tu-analyze messages analysis.completed --schema > analysis.completed.schema.json"],
  ],
  exitCodes: [["0", "printed"], usage, ["4", "no message has this name"]],
};

const topologyHelp: HelpText = {
  examples: [
    ["tu-analyze topology"],
    ["tu-analyze topology --flow current -o mermaid > topology.mmd"],
  ],
  variables: ["TU_ANALYZE_FLOW"],
  exitCodes: [["0", "printed"], configured],
};

const configHelp: HelpText = {
  examples: [
    ["tu-analyze config show --origin"],
    ["tu-analyze config path"],
    ["tu-analyze config init --user"],
  ],
  notes: ["Flags override variables, variables override the project's file, and that the user's."],
  exitCodes: [usage, ["others", "see `tu-analyze config <command> --help`"]],
};

const configShowHelp: HelpText = {
  examples: [
    ["tu-analyze config show --origin"],
    ["tu-analyze config show -o json | jq '.settings[] | select(.origin.type != \"default\")'"],
  ],
  notes: ["Secrets are never in the configuration: contexts say where they are."],
  exitCodes: [["0", "shown"], configured],
};

const configPathHelp: HelpText = {
  examples: [
    ["tu-analyze config path"],
    ["tu-analyze config path -o json | jq -r '.files[].path'"],
  ],
  exitCodes: [["0", "shown, even if there is none"], configured],
};

const configInitHelp: HelpText = {
  examples: [["tu-analyze config init"], ["tu-analyze config init --user"]],
  exitCodes: [["0", "written"], configured, unwritable, ["8", "there is one already"]],
};

const stateHelp: HelpText = {
  examples: [
    ["tu-analyze state"],
    ["tu-analyze state prune --older-than 7d --dry-run"],
    ["tu-analyze state verify -o json"],
    ["tu-analyze state clear --yes"],
  ],
  variables: ["TU_ANALYZE_STATE_DIR", ...limits],
  exitCodes: [
    ["0", "shown, even if nothing is stored"],
    ["2", "invalid usage or configuration, or this is no state directory"],
    elsewhere,
  ],
};

const pruneHelp: HelpText = {
  examples: [
    ["tu-analyze state prune --dry-run"],
    ["tu-analyze state prune --older-than 7d --keep 1000"],
  ],
  notes: [
    "Every start prunes in the same way, with the settings keepFor (30d) and keepFlows (10000). Machines, the pictures they were seen in and flows in progress are never pruned. Uploads left unconfirmed for a day are.",
  ],
  variables: ["TU_ANALYZE_STATE_DIR", ...limits],
  exitCodes: [
    ["0", "pruned, even if there was nothing to remove"],
    configured,
    unwritable,
    elsewhere,
    ["130, 143", "stopped: what was removed stays removed, the rest is unchanged"],
  ],
};

const verifyHelp: HelpText = {
  examples: [["tu-analyze state verify"], ["tu-analyze state verify -o json | jq '.problems'"]],
  variables: ["TU_ANALYZE_STATE_DIR"],
  exitCodes: [["0", "no problems"], ["1", "something is inconsistent"], configured, elsewhere],
};

const clearHelp: HelpText = {
  examples: [
    ["tu-analyze state clear --yes"],
    ["tu-analyze state clear --yes --machines --state-dir ./state"],
  ],
  notes: [
    "With --machines, only empty database files (0.5 MB) and recorded Google Vision responses remain.",
  ],
  variables: ["TU_ANALYZE_STATE_DIR"],
  exitCodes: [["0", "removed"], configured, unwritable, elsewhere, ["9", "--yes is missing"]],
};

const visionHelp: HelpText = {
  examples: [["tu-analyze vision import answer.json --image photo.jpg"]],
  exitCodes: [usage, ["others", "see `tu-analyze vision import --help`"]],
};

const importHelp: HelpText = {
  examples: [
    ["tu-analyze vision import answer.json --image photo.jpg"],
    ["tu-analyze upload photo.jpg --vision replay"],
  ],
  variables: ["TU_ANALYZE_VISION_DIR", "TU_ANALYZE_STATE_DIR"],
  exitCodes: [
    ["0", "stored"],
    ["2", "invalid usage or configuration, or a file that cannot be accepted"],
    ["4", "there is no such file"],
    ["5", "permission denied: an unreadable file, or an unwritable directory"],
  ],
};

/** By the words that name the command. */
export const helpTexts: Readonly<Record<string, HelpText>> = {
  "tu-analyze": programHelp,
  "tu-analyze upload": uploadHelp,
  "tu-analyze up": upHelp,
  "tu-analyze ps": psHelp,
  "tu-analyze wait": waitHelp,
  "tu-analyze down": downHelp,
  "tu-analyze context": contextHelp,
  "tu-analyze context list": contextListHelp,
  "tu-analyze context show": contextShowHelp,
  "tu-analyze context use": contextUseHelp,
  "tu-analyze context test": contextTestHelp,
  "tu-analyze recognise": recogniseHelp,
  "tu-analyze vision": visionHelp,
  "tu-analyze vision import": importHelp,
  ...tracingHelp,
  "tu-analyze messages": messagesHelp,
  "tu-analyze topology": topologyHelp,
  "tu-analyze machines": machinesHelp,
  "tu-analyze machines show": showHelp,
  "tu-analyze state": stateHelp,
  "tu-analyze state prune": pruneHelp,
  "tu-analyze state verify": verifyHelp,
  "tu-analyze state clear": clearHelp,
  "tu-analyze config": configHelp,
  "tu-analyze config show": configShowHelp,
  "tu-analyze config path": configPathHelp,
  "tu-analyze config init": configInitHelp,
  "tu-analyze completion": completionHelp,
  "tu-analyze version": versionHelp,
};
