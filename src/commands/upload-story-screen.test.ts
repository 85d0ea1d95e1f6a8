import { afterEach, expect, test, vi } from "vitest";
import { createPaint } from "../adapters/terminal/text.ts";
import { createWaitingLine } from "../adapters/terminal/waiting-line.ts";
import { sampleHop } from "../pipeline/trace/hop.samples.ts";
import { createStoryScreen } from "./upload-story-screen.ts";

afterEach(() => vi.restoreAllMocks());

test("a hop that arrives after the screen was closed is not printed", () => {
  const printed = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const waiting = createWaitingLine({ write: () => true }, () => 0);
  const aside = { waiting, notice: () => undefined };
  const screen = createStoryScreen(["a.jpg"], { aside, paint: createPaint(false) });
  screen.started("f", 0);
  screen.reporter.hop(sampleHop({ name: "startUpload" }));
  expect(printed).toHaveBeenCalledTimes(1);
  screen.close();
  screen.reporter.hop(sampleHop({ name: "PUT object" }));
  expect(printed).toHaveBeenCalledTimes(1);
});
