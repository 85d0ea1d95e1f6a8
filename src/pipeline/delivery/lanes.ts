/** Work in lanes: one after the other in each, so many at once in all. */
export type Lanes = {
  /** Begins at once where nothing is before it. */
  run<T>(lane: string, work: () => Promise<T>): Promise<T>;
};

/** `work` must not reject. */
export function createLanes(roomFor: number): Lanes {
  /** Of each lane in which something is at work or waits for room, what waits behind it. */
  const behind = new Map<string, (() => void)[] | null>();
  const forRoom: (() => void)[] = [];
  let inside = 0;
  const begin = <T>(lane: string, work: () => Promise<T>): Promise<T> => {
    inside += 1;
    const running = work();
    void running.then(() => leave(lane));
    return running;
  };
  const enter = (job: () => void) => {
    if (inside < roomFor) job();
    else forRoom.push(job);
  };
  const leave = (lane: string) => {
    inside -= 1;
    const first = forRoom.shift();
    const next = behind.get(lane)?.shift();
    if (next === undefined) behind.delete(lane);
    first?.();
    if (next !== undefined) enter(next);
  };
  return {
    run(lane, work) {
      const waiting = behind.get(lane);
      if (waiting === undefined) {
        behind.set(lane, null); // most lanes are of one
        if (inside < roomFor) return begin(lane, work);
      }
      return new Promise((resolve) => {
        const job = () => resolve(begin(lane, work));
        if (waiting === undefined) forRoom.push(job);
        else if (waiting === null) behind.set(lane, [job]);
        else waiting.push(job);
      });
    },
  };
}
