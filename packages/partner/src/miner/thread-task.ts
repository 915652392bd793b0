/** The tasks of a miner's thread by name, and the messages between it and whoever asks. */
import {
  type CheckOrder,
  isWhole,
  type ProveSealOrder,
  type ProveWindowOrder,
  proveSealed,
  proveStored,
  repairSector,
  type SealOrder,
  type SealOutcome,
  sealSector,
  type WindowOutcome,
} from './tasks.ts';

export type Tasks = {
  seal: { order: SealOrder; result: SealOutcome };
  repair: { order: SealOrder & { readonly replica: Uint8Array }; result: boolean };
  proveSeal: { order: ProveSealOrder; result: Uint8Array };
  proveWindow: { order: ProveWindowOrder; result: WindowOutcome };
  check: { order: CheckOrder; result: boolean };
};
export type TaskName = keyof Tasks;
export type Task = {
  [N in TaskName]: { readonly name: N; readonly order: Tasks[N]['order'] };
}[TaskName];

export type SealQuestion = { readonly id: number; readonly task: Task };
/** Several of `labels`, then a `result` or a `failure`. */
export type SealAnswer =
  | { readonly id: number; readonly labels: number }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: string };

/** Runs a task on the thread that is there. */
export async function runTask(task: Task, onProgress: (labels: number) => void): Promise<unknown> {
  switch (task.name) {
    case 'seal':
      return sealSector(task.order, onProgress);
    case 'repair':
      return repairSector(task.order, onProgress);
    case 'proveSeal':
      return proveSealed(task.order);
    case 'proveWindow':
      return proveStored(task.order);
    case 'check':
      return isWhole(task.order);
  }
}
