/**
 * The state at a start: opened, given back to the stages, and kept from then on.
 *
 * In: the state directory, the stages and sources. Out: a StateKeeper and where each source stands; or the sentence that says why there is none.
 */
import { type Checked, fileProblem } from '../config/problem.ts';
import { openStateDatabase, type SetAside, type StateDatabase } from './state-database.ts';
import { StateKeeper, type StateKeeperOptions } from './state-keeper.ts';

export interface StateOptions extends Omit<StateKeeperOptions, 'database'> {
  readonly folder: string;
}

export interface RestoredState {
  readonly keeper: StateKeeper;
  /** By name of the source: what its `position` gave at the last commit. */
  readonly positions: ReadonlyMap<string, string>;
}

/** Path of the problem that the state can't be had at the moment: another process has it, or the disk doesn't allow it. */
export const STATE = 'state_directory';

/** Sources are added to their stages before, and nothing is read before. */
export function openState({ folder, kept, ...options }: StateOptions): Checked<RestoredState> {
  const opened = openStateDatabase(folder, options.clock.nowMs());
  if (opened.kind === 'refused') {
    const path = opened.reason === 'newer' ? '' : STATE;
    return { ok: false, problems: [{ ...fileProblem(folder, opened.message), path }] };
  }
  const { database, setAside } = opened;
  for (const stage of kept)
    for (const problem of stage.restoreRows(database.rows(stage.stage)))
      options.announce({ kind: 'state_row_left_out', path: database.path, problem });
  announceOpened(database, setAside, options.announce);
  // After the metrics were restored, or it would be taken back.
  if (setAside !== undefined) options.metrics.counter('lotus_e2ee_watch_state_resets_total').add(1);
  return { ok: true, value: { keeper: new StateKeeper({ ...options, database, kept }), positions: database.positions() } };
}

function announceOpened({ path, committedMs }: StateDatabase, setAside: SetAside | undefined, announce: StateOptions['announce']): void {
  if (setAside !== undefined) announce({ kind: 'state_set_aside', path, ...setAside });
  if (committedMs === undefined) announce({ kind: 'state_created', path });
  else announce({ kind: 'state_resumed', path, committedMs });
}
