/** Faults of calls, one function each. What they do to the log follows from the model of the server; what is true, the server writes down. */
import type { Window } from './call-server.ts';
import type { CallWorld } from './call-world.ts';

export interface CallFault {
  readonly name: string;
  plan(world: CallWorld): void;
}

/** A stretch of time somewhere in the middle. */
function windowOf(world: CallWorld, shortestMs: number, longestMs: number): Window {
  const fromMs = world.startMs + world.between(40_000, 180_000);
  return [fromMs, fromMs + world.between(shortestMs, longestMs)];
}

export const CALL_FAULTS: readonly CallFault[] = [
  {
    // Waiting shows fully in the requests' own time.
    name: 'database_lock',
    plan: (world) => {
      world.server.locks.push(windowOf(world, 3000, 9000));
    },
  },
  {
    // SIGSTOP, or a machine that pages: nothing is written, and everything that waited comes at once.
    name: 'stall',
    plan: (world) => {
      world.server.stalls.push(windowOf(world, 3000, 7000));
      for (let i = 0; i < 4; i++) world.addParticipant();
    },
  },
  {
    name: 'impatient_client',
    plan: (world) => {
      const participant = world.addParticipant();
      const fromMs = world.startMs + world.between(40_000, 150_000);
      world.at(fromMs, () => {
        participant.patienceMs = 1;
      });
      world.at(fromMs + world.between(6000, 20_000), () => {
        participant.patienceMs = 2000;
      });
    },
  },
  {
    // Many behind one address: restarts alone are more than the limit lets through.
    name: 'rate_limit',
    plan: (world) => {
      const isOneAgent = world.random.chance(500_000);
      const { address, agent } = world.newClient();
      for (let i = world.between(6, 11); i > 0; i--) world.addParticipant(world.newClient(isOneAgent ? { address, agent } : { address }));
    },
  },
  {
    name: 'two_behind_one_address',
    plan: (world) => {
      const { address, agent } = world.newClient();
      for (let i = 0; i < 2; i++) world.addParticipant(world.newClient({ address, agent }));
    },
  },
  {
    // A laptop sleeps longer than the delay.
    name: 'silent_client',
    plan: (world) => {
      const participant = world.addParticipant();
      const fromMs = world.startMs + world.between(40_000, 150_000);
      world.at(fromMs, () => {
        participant.silentUntilMs = fromMs + participant.delayMs + world.between(6000, 30_000);
      });
    },
  },
  {
    name: 'takeover',
    plan: (world) => {
      const participant = world.addParticipant();
      const moderator = world.newClient();
      // Not into a slow time: the model answers what waits there before its turn.
      world.in(world.between(40_000, 150_000), () => {
        if (!world.server.isSlow(world.nowMs)) world.server.join(world.nowMs, moderator, participant.client);
      });
    },
  },
  {
    name: 'old_form',
    plan: (world) => {
      world.addParticipant().isOldForm = true;
    },
  },
  {
    name: 'page_closed',
    plan: (world) => {
      const participant = world.addParticipant();
      world.in(world.between(40_000, 150_000), () => {
        participant.hasLeft = true;
        world.server.closePage(world.nowMs, participant.client, participant.id);
      });
    },
  },
  {
    name: 'restart',
    plan: (world) => {
      const [fromMs, toMs] = windowOf(world, 1000, 15_000);
      // A process that stands still can't be told to stop.
      if (!world.server.isSlow(fromMs) && !world.server.isSlow(toMs)) world.server.restart([fromMs, toMs]);
    },
  },
];
