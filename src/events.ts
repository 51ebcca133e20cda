/**
 * What the program announces about its own work: one union, plain data, each member a noun and a past-tense verb. Reader, pipeline, rules
 * and state say what happened; daemon/observer.ts says how loud. Faults of the homeserver's users are facts and incidents, not events.
 *
 * Events are few: nothing is announced for a line or record that went well. Texts from the log (`sample`) are raw here, cut to
 * MAX_SAMPLE_LENGTH by whoever announces; the observer redacts them before they are written anywhere.
 */

/** Longest `sample` of a log line, in UTF-16 units. Chosen: a head and the beginning of a message, enough to recognise a format. */
export const MAX_SAMPLE_LENGTH = 400;

/** Everything that can be announced, told apart by `kind`. */
export type WatchEvent = ProcessEvent | SourceEvent | ReadingEvent | RulesEvent | StateEvent | LoadEvent;

/** The daemon itself. */
export type ProcessEvent =
  | { readonly kind: 'daemon_started'; readonly version: string; readonly configPath: string | null }
  | { readonly kind: 'server_opened'; readonly host: string; readonly port: number }
  /** Reachable from other machines without a password. */
  | { readonly kind: 'server_exposed'; readonly host: string }
  | { readonly kind: 'catch_up_started'; readonly unreadBytes: number }
  | { readonly kind: 'caught_up'; readonly readBytes: number; readonly durationMs: number }
  | { readonly kind: 'stop_requested'; readonly signal: string }
  | { readonly kind: 'stop_forced'; readonly reason: 'second_signal' | 'deadline'; readonly waitedMs: number }
  | { readonly kind: 'daemon_stopped' }
  /** systemd can't be told how we are; it may restart us for that. */
  | { readonly kind: 'service_manager_lost'; readonly message: string }
  /** `problems` are whole sentences with file, line and column. */
  | { readonly kind: 'config_rejected'; readonly problems: readonly string[] };

/** The files. `source` is the name from the configuration, positions are bytes from the beginning of that generation. */
export type SourceEvent =
  | { readonly kind: 'source_opened'; readonly source: string; readonly path: string; readonly position: number }
  /** `code` is the system's ('ENOENT', 'EACCES'); announced again at each failed look. */
  | { readonly kind: 'source_unreadable'; readonly source: string; readonly path: string; readonly code: string }
  | { readonly kind: 'source_recovered'; readonly source: string; readonly path: string; readonly unreadableMs: number }
  | {
      readonly kind: 'rotation_seen';
      readonly source: string;
      readonly path: string;
      readonly rotation: 'renamed' | 'deleted' | 'truncated';
    }
  /** The rest of a rotated generation was read to its end. */
  | { readonly kind: 'generation_drained'; readonly source: string; readonly path: string; readonly bytes: number }
  /** There is no more: standard input was closed. */
  | { readonly kind: 'source_ended'; readonly source: string }
  /** Bytes that can't be read any more. `lostBytes` is null where nobody can know. */
  | {
      readonly kind: 'gap_found';
      readonly source: string;
      readonly path: string;
      readonly reason: string;
      readonly lostBytes: number | null;
    }
  /** The kernel's hints failed (watch limit, network file system); polling goes on. */
  | { readonly kind: 'hints_lost'; readonly watched: string; readonly message: string };

/** What stands in the files. */
export type ReadingEvent =
  | { readonly kind: 'format_detected'; readonly source: string; readonly format: 'text' | 'json'; readonly layout: string }
  | {
      readonly kind: 'shape_unrecognised';
      readonly source: string;
      readonly reason: string;
      readonly logger: string | null;
      readonly sample: string;
    }
  | { readonly kind: 'line_cut'; readonly source: string; readonly lengthBytes: number }
  /** Synapse was started anew. `logTimeMs` is log time. */
  | {
      readonly kind: 'incarnation_changed';
      readonly source: string;
      readonly evidence: 'banner' | 'request_numbers';
      readonly logTimeMs: number;
    }
  | { readonly kind: 'record_distrusted'; readonly source: string; readonly reason: string; readonly position: number }
  | { readonly kind: 'time_stepped_back'; readonly source: string; readonly byMs: number };

/** Rule files. */
export type RulesEvent =
  | { readonly kind: 'rules_loaded'; readonly ruleCount: number; readonly fileCount: number; readonly trigger: RulesTrigger }
  /** The last good set of `keptRuleCount` rules stays in use; null at start, where there is none. */
  | {
      readonly kind: 'rules_rejected';
      readonly problems: readonly string[];
      readonly keptRuleCount: number | null;
      readonly trigger: RulesTrigger;
    };

/** Why rules were read: at start, because a file changed, because somebody asked (SIGHUP). */
export type RulesTrigger = 'start' | 'change' | 'request';

/** The database of the state directory. */
export type StateEvent =
  | { readonly kind: 'state_resumed'; readonly path: string; readonly committedMs: number }
  | { readonly kind: 'state_created'; readonly path: string }
  /** Damaged or not ours: moved, not overwritten. */
  | { readonly kind: 'state_set_aside'; readonly path: string; readonly movedTo: string; readonly reason: string }
  /** The file was gone from its path while the daemon ran: all of it was written anew, nothing is lost. `setAside`: what had been put there has this name now. */
  | { readonly kind: 'state_rewritten'; readonly path: string; readonly setAside: string | null }
  /** A row that this version doesn't understand: what it said is forgotten. */
  | { readonly kind: 'state_row_left_out'; readonly path: string; readonly problem: string }
  /** Announced again at each failed try; nothing is lost unless the daemon dies before one succeeds. */
  | { readonly kind: 'commit_failed'; readonly path: string; readonly code: string; readonly message: string }
  | { readonly kind: 'commit_recovered'; readonly path: string; readonly failedMs: number };

/** Something was let go at a bound. */
export type LoadEvent =
  | { readonly kind: 'join_evicted'; readonly source: string; readonly reason: 'age' | 'count' | 'records' }
  | { readonly kind: 'device_evicted'; readonly reason: string }
  | { readonly kind: 'series_refused'; readonly metric: string };
