import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "libsql";
import { describe, expect, test } from "vitest";
import {
  image,
  json,
  jsonLines,
  notLooking,
  preload,
  root,
  temporaryDirectory,
  tool,
} from "./run-tool.samples.ts";

describe("usage", () => {
  test.each([
    ["no command below another", ["vision"]],
    ["an unknown command", ["uplod"]],
    ["an unknown option", ["messages", "--shema"]],
    ["an unknown format", ["messages", "-o", "xml"]],
    ["an unknown flow", ["topology", "--flow", "old"]],
    ["a missing argument", ["upload"]],
    ["a fault without a mode", ["upload", "x.jpg", "--fault", "recognition"]],
    [
      "a fault in a step the flow has not",
      ["upload", "x.jpg", "--flow", "current", "--fault", "metadata=fail"],
    ],
    ["a timeout that is none", ["upload", "x.jpg", "--timeout", "soon"]],
    ["a step timeout that is none", ["upload", "x.jpg", "--step-timeout", "metadata=x"]],
    ["a limit that is none", ["machines", "--limit", "many"]],
    ["too much concurrency", ["upload", "x.jpg", "--concurrency", "1000"]],
  ])("%s is exit 2 with a code and a hint", async (_, args) => {
    const { code, stderr, stdout } = await tool(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^E_(USAGE|CONFIG): .+\n {2}hint: .+/);
    expect(stdout).toBe("");
  });

  test("a mistyped word gets a guess, and the guess is not run", async () => {
    expect((await tool(["uplod"])).stderr).toContain("did you mean upload?");
    expect((await tool(["messages", "--shema"])).stderr).toContain("did you mean --schema?");
    expect((await tool(["messages", "analysis.complete"])).stderr).toContain(
      "did you mean analysis.completed?",
    );
  });

  test.each([
    [["state", "prun"], "did you mean prune?"],
    [["machines", "shw", "1"], "did you mean show?"],
    [["help", "uplaod"], "did you mean upload?"],
    [["help", "state", "prun"], "did you mean prune?"],
    [["state", "help", "prun"], "did you mean prune?"],
    [["topology", "--flow", "ful"], "did you mean full?"],
    [["upload", "x.jpg", "--fault", "recogniton=fail"], "did you mean recognition=fail?"],
    [["upload", "x.jpg", "--step-timeout", "metadat=1s"], "did you mean metadata?"],
    [["upload", "x.jpg", "--conc", "3"], "did you mean --concurrency?"],
    [["completion", "zssh"], "did you mean zsh?"],
    [["UPLOAD", "x.jpg"], "did you mean upload?"],
  ])("%j gets a guess below the first word too", async (args, guess) => {
    const { code, stderr } = await tool(args);
    expect({ code, guess: stderr.includes(guess) ? guess : stderr }).toEqual({ code: 2, guess });
  });

  test("all problems of a command line are told at once, in plain words", async () => {
    const wrong = ["--concurrency", "99", "--timeout", "soon", "--fault", "x", "--expect", "y"];
    const { code, stderr } = await tool(["upload", "-", "-", ...wrong]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^E_USAGE: 5 problems\n {2}- standard input \(-\) is given twice/);
    for (const flag of wrong.filter((word) => word.startsWith("--")))
      expect(stderr).toContain(flag);
    const odd = {
      ...{ TU_ANALYZE_FLOW: "x", TU_ANALYZE_CONCURRENCY: "99", TU_ANALYZE_FLWO: "full" },
      TU_ANALYZE_INTROSPECTION: "maybe",
    };
    const configured = await tool(["topology"], { env: odd });
    expect(configured.code).toBe(2);
    expect(configured.stderr).toContain("TU_ANALYZE_FLOW: must be one of current, full");
    expect(configured.stderr).toContain("TU_ANALYZE_CONCURRENCY: must be a whole number");
    expect(configured.stderr).toContain("TU_ANALYZE_INTROSPECTION: must be true or false");
    expect(configured.stderr).toContain("TU_ANALYZE_FLWO\n    hint: did you mean TU_ANALYZE_FLOW?");
  });

  test.each([
    [
      ["upload", "a.jpg", "--foo", "--vision", "gogle", "--flow"],
      ["--vision gogle", "--flow needs a value", "--foo"],
    ],
    [
      ["upload", "--fooo"],
      ["--fooo", "<image> is missing"],
    ],
    [
      ["machines", "--limt", "3", "-o", "yml"],
      ["--output yml", "--limt"],
    ],
    [
      ["topology", "--color=never", "--color=odd", "-oxml"],
      ["--color odd", "--output xml"],
    ],
    [
      ["upload", "--foo", "--fault", "a=b", "--fault", "c=d", "--expect", "e=f,g=h"],
      ["--foo", "<image>", "--fault a=b", "--fault c=d", "--expect e=f", "--expect g=h"],
    ],
    [
      ["upload", "x.jpg", "--step-timeout", "x", "--step-timeout", "y=0s"],
      ["--step-timeout x", "has no step y", "--step-timeout y=0s: 0s must be"],
    ],
    [
      ["recognise", "-", "-", "--timeout", "0s", "--max-vision-calls", "x", "--vision", "y"],
      ["--vision y", "(-) is given twice", "--timeout 0s", "--max-vision-calls x"],
    ],
    [
      ["state", "prune", "--keep", "x", "--older-than", "0s", "--foo"],
      ["--foo", "--older-than 0s", "--keep x"],
    ],
    [
      ["machines", "--limit", "many", "--foo"],
      ["--foo", "--limit many"],
    ],
    [
      ["vision", "import"],
      ["--image <picture> is missing", "<answer.json> is missing"],
    ],
    [
      ["vision", "import", "a.json", "b.jpg"],
      ["--image <picture> is missing", "unexpected argument b.jpg"],
    ],
    [
      ["state", "clear", "x", "--machnes"],
      ["--machnes", "unexpected argument x"],
    ],
    [
      ["machines", "show", "a", "b", "--limt", "3"],
      ["--limt", "unexpected argument b"],
    ],
    [
      ["version", "-o", "xml", "foo"],
      ["--output xml", "unexpected argument foo"],
    ],
    [
      ["state", "prune", "--dryrun", "--keep", "x", "y"],
      ["--dryrun", "unexpected argument y", "--keep x"],
    ],
    [
      ["upload", "x.jpg", "--expect", "brand=a,brand=b,", "--expect", "model"],
      ['--expect "" is not valid', "--expect model is not valid", "--expect names brand twice"],
    ],
    [
      ["-o", "text", "topology", "--flow", "x"],
      ["-o text must follow the command", "--flow x"],
    ],
  ])("%j has all of its problems told, each once", async (args, problems) => {
    const { code, stderr } = await tool(args);
    expect(code).toBe(2);
    expect(stderr).toContain(`E_USAGE: ${problems.length} problems\n`);
    const told = stderr.split("\n").filter((line) => line.startsWith("  - "));
    expect(told).toHaveLength(problems.length);
    for (const problem of problems) expect(told.join("\n")).toContain(problem);
  });

  test.each([
    [["upload", "x.jpg", "--timeout", "soon"], "--timeout soon must be a duration above 0"],
    [["upload", "x.jpg", "--timeout", "0s"], "--timeout 0s must be a duration above 0"],
    [["completion", "tcsh"], "shell tcsh must be one of bash, zsh, fish\n"],
    [["vision", "import", "a.json", "--image"], "--image needs a value\n"],
    [["version", "--debug=yes"], "--debug takes no value, but --debug=yes has one\n"],
    [["messages", "a", "b"], "unexpected argument b\n"],
    [["-o", "text"], "no command was given before -o text\n"],
    [["state", "prun", "--older-than", "x"], "tu-analyze state has no command prun\n"],
    [["state", "-o", "text", "prun"], "tu-analyze state has no command prun\n"],
  ])("%j has one problem, in plain words", async (args, message) => {
    const { code, stderr } = await tool(args);
    expect(code).toBe(2);
    expect(stderr).toContain(`E_USAGE: ${message}`);
  });

  test("each problem has its own code and hint, in JSON too", async () => {
    const args = ["upload", "x.jpg", "--foo", "--fault", "x", "-o", "json"];
    const result = await tool(args, { env: { TU_ANALYZE_TIMEOUT: "0s" } });
    const problem = (code: string, message: string, hint: string) => ({
      ...{ code, message: expect.stringContaining(message) },
      hint: expect.stringContaining(hint),
    });
    expect(json(result)).toMatchObject({
      ...{ code: "E_USAGE", hint: "see `tu-analyze upload --help`" },
      message: expect.stringMatching(/^3 problems: unknown option --foo; TU_ANALYZE_TIMEOUT: must/),
      problems: [
        problem("E_USAGE", "--foo", "did you mean --flow?"),
        problem("E_CONFIG", "TU_ANALYZE_TIMEOUT: must be a duration above 0", "remove it"),
        problem("E_USAGE", "--fault x", "use <step>=<mode>"),
      ],
    });
    expect(result.stderr).toContain("\n  - E_CONFIG: TU_ANALYZE_TIMEOUT");
    expect(result.stderr).toContain("\n    hint: did you mean --flow?\n");
  });

  test.each([
    [["help", "state"], "Usage: tu-analyze state "],
    [["state", "help"], "Usage: tu-analyze state "],
    [["help", "state", "prune"], "Usage: tu-analyze state prune "],
    [["state", "help", "prune"], "Usage: tu-analyze state prune "],
    [["vision", "help"], "Usage: tu-analyze vision "],
  ])("%j prints the help of that command", async (args, usage) => {
    const { code, stderr, stdout } = await tool(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(usage);
  });

  test("a request for help is answered, whatever else is wrong", async () => {
    const { code, stderr, stdout } = await tool(["upload", "--flow", "x", "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("Usage: tu-analyze upload");
  });

  const guarded = ["_ALLOWED_HOSTS", "_ALLOWED_ORIGINS", "_INTROSPECTION"];

  test.each([
    ...[["recognise"], ["vision"], ["vision", "import"], ["messages"], ["topology"]],
    ...[["machines"], ["machines", "show"], ["state"], ["state", "prune"], ["state", "verify"]],
    ...[["state", "clear"], ["completion"], ["version"]],
  ])("the help of %s %s has examples and exit codes, in 80 columns", async (...command) => {
    const { stdout } = await tool([...command.filter((word) => word !== undefined), "--help"]);
    expect(stdout).toContain("\nExamples:\n");
    expect(stdout).toMatch(/\nExit codes:\n {2}\d/);
    const long = stdout.split("\n").filter((line) => line.length > 80);
    expect(long).toEqual([]);
  });

  test("so has the help of every command that is listed", async () => {
    const { stdout } = await tool(["--help"]);
    const [, commands = ""] = /\nCommands:\n([\s\S]*?)\n\n/.exec(stdout) ?? [];
    for (const [, name = ""] of commands.matchAll(/^ {2}([a-z]+)/gm))
      if (name !== "help")
        expect((await tool([name, "--help"])).stdout).toContain("\nExit codes:\n");
  });

  test("no arguments print the help, with examples, variables and exit codes", async () => {
    const { code, stderr, stdout } = await tool([]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const help of [stdout, (await tool(["upload", "--help"])).stdout])
      for (const part of ["Examples:", "Variables:", "Exit codes:", ...guarded])
        expect(help).toContain(part);
    expect((await tool(["version"])).stdout).toMatch(/^tu-analyze \d+\.\d+\.\d+, Node.js /);
  });

  test("with a machine format even a usage error parses", async () => {
    const result = await tool(["upload", "--flo", "full", "-o", "json"]);
    expect(json(result)).toMatchObject({
      schema: "tu-analyze/error@1",
      code: "E_USAGE",
      exitCode: 2,
    });
  });

  test("help and version are exit 0 and go to standard output", async () => {
    const help = await tool(["--help"]);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toContain("upload");
    const version = await tool(["--version"]);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await tool(["upload", "--help"])).stdout).toContain("--fault");
  });
});

describe("messages and topology", () => {
  test("print text, JSON, one schema and one example", async () => {
    const all = json(await tool(["messages", "-o", "json"]));
    expect(all).toMatchObject({ schema: "tu-analyze/messages@1" });
    expect(all["messages"]).toHaveLength(15);
    const schema = json(await tool(["messages", "metadata.sorted", "--schema"]));
    expect(schema).toMatchObject({ $id: "metadata.sorted.v1", type: "object" });
    const example = json(await tool(["messages", "tu.images.uploaded", "--example"]));
    expect(example).toHaveProperty("ObjectKey"); // as it is spelled on Kafka
    const args = ["messages", "tu.recognition.completed", "--schema"];
    const both = await tool([...args, "-o", "jsonl"]);
    expect(jsonLines(both).map(({ title }) => title)).toEqual([
      "tu.recognition.completed on kafka",
      "tu.recognition.completed on rabbitmq",
    ]);
    expect((await tool(["messages"])).stdout).toContain("analysis.recognition.request");
  });

  test("several bodies are labelled, and are one document as JSON", async () => {
    const args = ["messages", "tu.recognition.completed", "--schema", "--example"];
    const { stdout } = await tool(args);
    const labels = stdout.split("\n").filter((line) => /^\w/.test(line));
    expect(labels).toEqual([
      "tu.recognition.completed on kafka, JSON Schema:",
      "tu.recognition.completed on kafka, example:",
      "tu.recognition.completed on rabbitmq, JSON Schema:",
      "tu.recognition.completed on rabbitmq, example:",
    ]);
    const body = (transport: string) => ({
      ...{ name: "tu.recognition.completed", transport },
      ...{ jsonSchema: { type: "object" }, example: { provider: {} } },
    });
    const bodies = [body("kafka"), body("rabbitmq")];
    const schema = "tu-analyze/message-body@1";
    expect(json(await tool([...args, "-o", "json"]))).toMatchObject({ bodies });
    expect(jsonLines(await tool([...args, "-o", "jsonl"]))).toMatchObject(
      bodies.map((each) => ({ schema, ...each })),
    );
    const schemas = json(await tool(["messages", "--schema", "-o", "json"]));
    expect(schemas).toMatchObject({ schema: "tu-analyze/message-bodies@1" });
    expect(schemas).not.toHaveProperty("bodies.0.example");
  });

  test("an unknown message is exit 4", async () => {
    const result = await tool(["messages", "nothing.like.it", "-o", "json"]);
    expect(result.code).toBe(4);
    expect(json(result)).toMatchObject({ code: "E_MESSAGE_UNKNOWN" });
  });

  test("the topology comes as JSON and as a diagram", async () => {
    const topology = json(await tool(["topology", "--flow", "current", "-o", "json"]));
    expect(topology).toMatchObject({ schema: "tu-analyze/topology@1", flow: "current" });
    expect((await tool(["topology", "-o", "mermaid"])).stdout).toMatch(/^flowchart LR\n/);
  });
});

describe("machines", () => {
  test("none yet is an empty list, and an unknown one is exit 4", async () => {
    const stateDir = join(await temporaryDirectory(), "mistyped");
    const { stdout } = await tool(["machines", "--state-dir", stateDir]);
    expect(stdout).toMatch(`no machines in ${stateDir} yet; add some with `);
    expect(json(await tool(["machines", "--json"]))).toEqual({
      schema: "tu-analyze/machines@1",
      machines: [],
    });
    const missing = await tool(["machines", "show", "0000", "--json"]);
    expect(missing.code).toBe(4);
    expect(json(missing)).toMatchObject({ code: "E_MACHINE_NOT_FOUND" });
  });
});

describe("state that cannot be used", () => {
  test("of a newer version is exit 8", async () => {
    const stateDir = await temporaryDirectory();
    const database = new Database(join(stateDir, "state.db"));
    database.exec("PRAGMA user_version = 1000");
    database.close();
    const result = await tool(["machines", "--json", "--state-dir", stateDir]);
    expect(json(result)).toMatchObject({ code: "E_STATE_NEWER" });
    expect(result.code).toBe(8);
  });

  test("that is no state is exit 2 and names the file", async () => {
    const stateDir = await temporaryDirectory();
    await writeFile(
      join(stateDir, "state.db"),
      "this is no database, and long enough to be read as one",
    );
    const result = await tool(["machines", "--json", "--state-dir", stateDir]);
    expect(json(result)).toMatchObject({
      code: "E_STATE_UNUSABLE",
      message: expect.stringContaining("state.db"),
    });
    expect(result.code).toBe(2);
  });
});

test.each([
  ["state"],
  ["state", "verify"],
  ["state", "prune"],
  ["state", "clear", "--yes"],
  ["machines"],
])("%s of what is no directory is refused, with a hint that fits", async (...command) => {
  const file = image("komatsu-pc200.jpg");
  const result = await tool([...command, "--state-dir", file, "-o", "json"]);
  expect(json(result)).toMatchObject({ code: "E_STATE_UNUSABLE", exitCode: 2 });
  expect(json(result)).toMatchObject({
    message: `${file} cannot be used as a state directory: not a directory (ENOTDIR)`,
    hint: "name the state directory with --state-dir",
  });
});

test.each([["verify"], ["prune"], ["prune", "--dry-run"], ["clear", "--yes"]])(
  "state %s says that there is nothing, and makes nothing",
  async (...command) => {
    const stateDir = join(await temporaryDirectory(), "mistyped");
    const { code, stdout } = await tool(["state", ...command, "--state-dir", stateDir]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${stateDir} holds no state yet\n` });
    expect(existsSync(stateDir)).toBe(false);
  },
);

test("an empty id names no machine", async () => {
  const result = await tool(["machines", "show", "", "-o", "json"]);
  expect(json(result)).toMatchObject({ code: "E_USAGE" });
});

describe.runIf(process.platform === "linux")("a directory where none can be made", () => {
  const picture = image("komatsu-pc200.jpg");
  const answer = join(root, "fixtures", "vision", "komatsu-pc200.json");
  test.each([
    [["upload", picture, "--state-dir", "/proc/nope"], "E_STATE_UNWRITABLE", 5],
    [["upload", picture, "--state-dir", "/proc/nope/state"], "E_STATE_UNWRITABLE", 5],
    [
      ["vision", "import", answer, "--image", picture, "--vision-dir", "/proc/nope"],
      "E_CASSETTE_UNWRITABLE",
      5,
    ],
    [["recognise", picture, picture, "--annotate", "/proc/nope"], "E_OUTPUT_UNWRITABLE", 5],
  ])("%j ends at once", async (args, code, exitCode) => {
    const result = await tool([...args, "-o", "json"], { env: notLooking });
    expect(json(result)).toMatchObject({ code, exitCode });
  });
});

describe("configuration", () => {
  test("flag over variable over project file over user file", async () => {
    const home = await temporaryDirectory();
    await mkdir(join(home, "user", "tu-analyze"), { recursive: true });
    await writeFile(
      join(home, "user", "tu-analyze", "config.json"),
      '{"stateDir":"/from/user","flow":"wrong"}',
    );
    await writeFile(join(home, ".tu-analyzerc.json"), '{"flow":"current"}');
    const env = { HOME: home, XDG_CONFIG_HOME: join(home, "user") };
    const banner = async (more: Record<string, string>, ...args: string[]) =>
      (await tool(["upload", "none.jpg", ...args], { cwd: home, env: { ...env, ...more } })).stderr;
    expect(await banner({})).toContain("flow current · state /from/user");
    expect(await banner({ TU_ANALYZE_STATE_DIR: "/from/env" })).toContain("state /from/env");
    expect(await banner({ TU_ANALYZE_FLOW: "current" }, "--flow", "full")).toContain("flow full");
  });

  test("every unknown key and bad value is named with its file", async () => {
    const home = await temporaryDirectory();
    await writeFile(join(home, ".tu-analyzerc.json"), '{"flw":"full","timeout":"soon"}');
    const { code, stderr } = await tool(["machines"], { cwd: home });
    expect(code).toBe(2);
    expect(stderr).toContain("E_CONFIG");
    expect(stderr).toContain("unknown setting flw");
    expect(stderr).toContain("timeout: must be a duration");
    expect(stderr).toContain(".tu-analyzerc.json");
  });
});

describe("what should not happen", () => {
  test("a bug is exit 70, says so, and shows its stack only with --debug", async () => {
    const env = preload("Object.fromEntries = () => { throw new TypeError('planted') }");
    const quiet = await tool(["messages", "--schema"], { env });
    expect(quiet.code).toBe(70);
    expect(quiet.stderr).toMatch(/^E_BUG: planted\n {2}hint: .*bug/);
    expect(quiet.stderr).not.toContain("    at ");
    expect((await tool(["messages", "--schema", "--debug"], { env })).stderr).toContain("    at ");
  });

  test("a gateway that does not answer is exit 6", async () => {
    const noFetch = "globalThis.fetch = () => Promise.reject(new TypeError('planted'))";
    const env = { ...notLooking, ...preload(noFetch) };
    const image = join(import.meta.dirname, "../../fixtures/images/nothing.jpg");
    const result = await tool(["upload", image, "--ephemeral", "-o", "json"], { env });
    expect(json(result)).toMatchObject({ code: "E_SERVICE_UNAVAILABLE" });
    expect(result.code).toBe(6);
  });
});
