// D1: the cost of durable queues of our own: the same hand-over of messages if each is a row that is written with
// the decision and deleted with the acknowledgement, compared with a journal alone from which queues are rebuilt.
// Both with synchronous=FULL and 100 messages per commit.
import { join } from "node:path";
import Database from "libsql";
import { inDirectory } from "./engine.ts";
import { type Figure, interleaved, secondsOf, spread } from "./measure.ts";

const batch = 100;

export async function embeddedBroker(rounds: number, messages: number): Promise<Figure> {
  const run = (withQueues: boolean) => () =>
    inDirectory(async (directory) => {
      const seconds = await secondsOf(() => handOver(directory, messages, withQueues));
      return messages / seconds;
    });
  const { ours, theirs } = await interleaved(rounds, run(false), run(true));
  const value = ours.median / theirs.median;
  return {
    id: "D1",
    what: "messages/s rebuilt from the journal over durable queues",
    value,
    goal: "> 1",
    isMet: value > 1,
    detail: `${spread(ours, "messages/s")} over ${spread(theirs, "messages/s")}`,
  };
}

function handOver(directory: string, messages: number, withQueues: boolean): void {
  const database = new Database(join(directory, "broker.db"));
  database.exec("PRAGMA journal_mode=WAL");
  database.exec("PRAGMA synchronous=FULL");
  database.exec("CREATE TABLE journal (id INTEGER PRIMARY KEY, body TEXT NOT NULL)");
  database.exec("CREATE TABLE queue (id INTEGER PRIMARY KEY, body TEXT NOT NULL)");
  const record = database.prepare("INSERT INTO journal (body) VALUES (?)");
  const enqueue = database.prepare("INSERT INTO queue (id, body) VALUES (?, ?)");
  const acknowledge = database.prepare("DELETE FROM queue WHERE id = ?");
  const body = "x".repeat(1500);
  const inOneCommit = (from: number, work: (id: number) => void) => {
    database.exec("BEGIN IMMEDIATE");
    for (let id = from; id < from + batch; id += 1) work(id);
    database.exec("COMMIT");
  };
  for (let done = 0; done < messages; done += batch) {
    inOneCommit(done, (id) => {
      record.run(body);
      if (withQueues) enqueue.run(id, body);
    });
    if (withQueues) inOneCommit(done, (id) => void acknowledge.run(id));
  }
  const left = database.prepare("SELECT count(*) AS left FROM queue").get() as { left: number };
  if (left.left !== 0) throw new Error(`${left.left} messages were not acknowledged`);
  database.close();
}
