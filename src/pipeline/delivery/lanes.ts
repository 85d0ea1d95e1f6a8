/** Work in lanes: one after the other in each, so many at once in all. */
export type Lanes = {
  run<T>(lane: string, work: () => Promise<T>): Promise<T>;
};

/** `work` must not reject. */
export function createLanes(roomFor: number): Lanes {
  const last = new Map<string, Promise<unknown>>();
  const waiting: (() => void)[] = [];
  let inside = 0;
  const enter = async (): Promise<void> => {
    if (inside >= roomFor) await new Promise<void>((resolve) => waiting.push(resolve));
    inside += 1;
  };
  const leave = () => {
    inside -= 1;
    waiting.shift()?.();
  };
  return {
    run(lane, work) {
      const before = last.get(lane) ?? Promise.resolve();
      const running = before.then(async () => {
        await enter();
        try {
          return await work();
        } finally {
          leave();
        }
      });
      last.set(lane, running);
      void running.then(() => {
        if (last.get(lane) === running) last.delete(lane);
      });
      return running;
    },
  };
}
