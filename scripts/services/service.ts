// What every server of `scripts/services.ts` is, and what is the same for all of them.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

export type Service = {
  readonly name: string;
  /** Commands it needs, each with the Debian package that contains it. */
  readonly needs: readonly { readonly command: string; readonly package: string }[];
  /** Downloads what is missing into `cache`. */
  install(cache: string): Promise<void>;
  /** Prepares `directory`, and says what to run. Called before each start; existing data is kept. */
  prepare(place: Place): Promise<Launch>;
  /** Ends what it left running, once its process has ended. */
  cleanUp?(place: Place): Promise<void>;
  /** What the pipeline's services read. */
  readonly variableNames: readonly string[];
  variables(ports: Ports, directory: string): Readonly<Record<string, string>>;
  /** What `ports` has. */
  readonly portNames: readonly string[];
};

export type Ports = Readonly<Record<string, number>>;
export type Place = { readonly cache: string; readonly directory: string; readonly ports: Ports };
export type Launch = {
  readonly command: string;
  readonly args: readonly string[];
  /** Beside our own: secrets are no arguments. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly isUp: (output: string) => boolean;
};

export type Running = { readonly pid: number; readonly ports: Ports };

/** A service in one directory: `<root>/<name>`, with its data, log, ports and process id. */
export type Server = {
  readonly name: string;
  readonly variableNames: readonly string[];
  /** Null when it is not running. */
  running(): Promise<Running | null>;
  /** Throws `MissingTools` if it cannot be installed here. Started again, it has the same ports and data. */
  start(): Promise<Running>;
  stop(): Promise<void>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  variables(running: Running): Readonly<Record<string, string>>;
};

export class MissingTools extends Error {}

const secondsToStart = 90;
const secondsToStop = 30;

/** `installed`: where the programs are; the servers of several roots may share it. */
export function createServerOf(service: Service, root: string, installed: string): Server {
  const directory = join(root, service.name);
  const cache = join(installed, service.name);
  const stateFile = join(directory, "running.json");
  const state = () => readJson<Running>(stateFile);

  const running = async () => {
    const known = await state();
    return known !== null && isOurs(known.pid, directory) ? known : null;
  };
  const end = async (signal: NodeJS.Signals) => {
    const known = await running();
    if (known === null) return;
    const hasEnded = () => isSoon(() => !isOurs(known.pid, directory), secondsToStop);
    process.kill(known.pid, signal);
    if (!(await hasEnded())) {
      process.kill(known.pid, "SIGKILL");
      await hasEnded();
    }
    await service.cleanUp?.({ cache, directory, ports: known.ports });
  };
  return {
    name: service.name,
    variableNames: service.variableNames,
    running,
    async start() {
      const already = await running();
      if (already !== null) return already;
      requireTools(service);
      await mkdir(directory, { recursive: true });
      await service.install(cache);
      const known = (await state())?.ports ?? {};
      const missing = service.portNames.filter((name) => known[name] === undefined);
      const ports = { ...known, ...(await freePorts(missing)) };
      const place = { cache, directory, ports };
      const launch = await service.prepare(place);
      const pid = await spawnDetached(launch, join(directory, "log")).catch(async (error) => {
        await service.cleanUp?.(place);
        throw error;
      });
      await writeFile(stateFile, JSON.stringify({ pid, ports }));
      return { pid, ports };
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    variables: ({ ports }) => service.variables(ports, directory),
  };
}

function requireTools({ name, needs }: Service): void {
  const missing = needs.filter(({ command }) => spawnSync("which", [command]).status !== 0);
  if (missing.length === 0) return;
  const [commands, packages] = [
    missing.map(({ command }) => command),
    missing.map((one) => one.package),
  ];
  throw new MissingTools(
    `${name} needs ${commands.join(" and ")}: apt-get install ${packages.join(" ")}`,
  );
}

/** The process outlives this one. Resolves when it is up. */
async function spawnDetached(launch: Launch, log: string): Promise<number> {
  const { args, command, environment, isUp } = launch;
  await rm(log, { force: true });
  const output = await open(log, "w");
  const child = spawn(command, args, {
    detached: true,
    env: { ...process.env, ...environment },
    stdio: ["ignore", output.fd, output.fd],
  });
  await output.close();
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} cannot be run`);
  let hasEnded = false;
  child.once("exit", () => {
    hasEnded = true;
  });
  const printed = () => readFileSync(log, "utf8");
  const isThere = await isSoon(() => hasEnded || isUp(printed()), secondsToStart);
  if (isThere && !hasEnded) {
    release(child);
    return pid;
  }
  child.kill("SIGKILL");
  throw new Error(`${command} did not start:\n${printed().slice(-3000)}`);
}

function release(child: ChildProcess): void {
  child.removeAllListeners();
  child.unref();
}

/** Process ids are reused: ours has its directory on its command line or in its environment. */
function isOurs(pid: number, directory: string): boolean {
  try {
    const given = ["cmdline", "environ"].map((name) =>
      readFileSync(`/proc/${pid}/${name}`, "utf8"),
    );
    return given.some((text) => text.includes(directory));
  } catch {
    return false; // there is no such process, or it is another user's
  }
}

async function isSoon(isTrue: () => boolean, seconds: number): Promise<boolean> {
  for (const endsAt = Date.now() + seconds * 1000; Date.now() < endsAt; await wait(50))
    if (isTrue()) return true;
  return false;
}

async function freePorts(names: readonly string[]): Promise<Ports> {
  const servers = names.map(() => createServer().listen(0, "127.0.0.1"));
  const ports = await Promise.all(
    servers.map(async (server) => {
      await new Promise((resolve) => server.once("listening", resolve));
      const address = server.address();
      return typeof address === "object" && address !== null ? address.port : 0;
    }),
  );
  for (const server of servers) server.close();
  return Object.fromEntries(names.map((name, index) => [name, ports[index] ?? 0]));
}

/** Null if the file does not exist. */
async function readJson<T>(path: string): Promise<T | null> {
  const text = await readFile(path, "utf8").catch(() => null);
  return text === null ? null : (JSON.parse(text) as T); // written above
}
