// Real servers for tests and trials, without containers, on free loopback ports:
// npm run services -- start|stop|status [kafka …]
// Without names: all of them. `start` prints the variables that the pipeline's services read.
import { parseArgs } from "node:util";
import { openServers } from "./services/open-servers.ts";
import { MissingTools, type Server } from "./services/service.ts";

const { positionals } = parseArgs({ allowPositionals: true });
const [action, ...names] = positionals;
const actions: Readonly<Record<string, (server: Server) => Promise<void>>> = {
  start,
  stop,
  status,
};
const act = actions[action ?? ""];
const all = openServers();
const unknown = names.filter((name) => !all.some((server) => server.name === name));

if (act === undefined || unknown.length > 0) {
  const known = all.map(({ name }) => name).join(" ");
  if (unknown.length > 0) console.error(`no such server: ${unknown.join(" ")}`);
  console.error(`usage: npm run services -- start|stop|status [${known}]`);
  process.exitCode = 2;
} else {
  const wanted = all.filter(({ name }) => names.length === 0 || names.includes(name));
  await Promise.all(wanted.map((server) => reported(server, act))); // they may have to be built
}

/** One that fails does not keep the others from being started. */
async function reported(server: Server, work: (server: Server) => Promise<void>): Promise<void> {
  try {
    await work(server);
  } catch (error) {
    console.error(error instanceof MissingTools ? error.message : error);
    process.exitCode = 1;
  }
}

async function start(server: Server): Promise<void> {
  const running = await server.start();
  for (const [name, value] of Object.entries(server.variables(running)))
    console.log(`${name}=${value}`);
}

async function stop(server: Server): Promise<void> {
  await server.stop();
}

async function status(server: Server): Promise<void> {
  const running = await server.running();
  if (running === null) {
    console.log(`${server.name}  not running`);
    return;
  }
  const variables = Object.entries(server.variables(running)).map((pair) => pair.join("="));
  console.log(`${server.name}  process ${running.pid}  ${variables.join(" ")}`);
}
