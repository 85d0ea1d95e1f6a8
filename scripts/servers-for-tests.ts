import type { TestProject } from "vitest/node";
import { openServers } from "./services/open-servers.ts";
import { MissingTools, type Server } from "./services/service.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The variables of the servers that there are. */
    readonly servers: Readonly<Record<string, string>>;
    /** Those that these tests may kill, by name. */
    readonly ours: readonly string[];
  }
}

/**
 * Vitest's global set-up for tests on real servers: those that variables name, otherwise those of `npm run services`,
 * started if need be. Says which ones, and what is left out, which is an error in CI.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const servers: Record<string, string> = {};
  const ours: string[] = [];
  const started: Server[] = [];
  for (const server of openServers()) {
    const given = server.variableNames.filter((name) => process.env[name] !== undefined);
    if (given.length > 0) {
      for (const name of given) servers[name] = process.env[name] ?? "";
      console.log(
        `${server.name}: ${shown(Object.fromEntries(given.map((name) => [name, servers[name] ?? ""])))}`,
      );
      continue;
    }
    if (await isStarted(server, started)) {
      Object.assign(servers, await variablesOf(server));
      ours.push(server.name);
      console.log(`${server.name}: ${shown(await variablesOf(server))} of npm run services`);
    }
  }
  project.provide("servers", servers);
  project.provide("ours", ours);
  return async () => {
    for (const server of started) await server.stop();
  };
}

/** Without what opens a server that may not be ours. */
function shown(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .filter(([name]) => !/secret|password/i.test(name))
    .map((pair) => pair.join("="))
    .join(" ");
}

async function isStarted(server: Server, started: Server[]): Promise<boolean> {
  try {
    if ((await server.running()) === null) started.push(server);
    await server.start();
    return true;
  } catch (error) {
    if (!(error instanceof MissingTools) || process.env["CI"] !== undefined) throw error;
    console.log(`LEFT OUT: ${error.message}`);
    return false;
  }
}

async function variablesOf(server: Server): Promise<Readonly<Record<string, string>>> {
  const running = await server.running();
  return running === null ? {} : server.variables(running);
}
