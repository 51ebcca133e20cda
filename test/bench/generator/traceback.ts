/**
 * In: a request that fails with an exception. Out: Synapse's record of it, 20 to 26 physical lines, and status 500.
 *
 * Invariant: the record belongs to a request with a number of its own, whose access line follows.
 */
import { type RequestPlan, record, requestRepr } from './request-plan.ts';
import type { World } from './world.ts';

const FILES = ['http/server', 'handlers/federation', 'storage/database', 'replication/http/_base', 'util/async_helpers'];
const FUNCTIONS = ['_async_render_wrapper', 'on_POST', 'runInteraction', 'new_transaction', 'wrapped_func', '__call__'];
const CODE = [
  'callback_return = await self._async_render(request)',
  'result = await self.db_pool.runWithConnection(inner_func, *args, **kwargs)',
  'return await func(*args, **kwargs)',
];
/** The first one ends with a newline, as psycopg2's texts do: an empty physical line. */
const CAUSES = [
  'psycopg2.errors.QueryCanceled: canceling statement due to statement timeout\n',
  'synapse.api.errors.FederationDeniedError: 403: Federation denied',
  'twisted.internet.defer.CancelledError',
];

/** Makes `plan` fail in `servlet` (`KeyUploadServlet`). */
export function failWithTraceback(world: World, plan: RequestPlan, servlet: string): void {
  const { random } = world;
  plan.status = 500;
  const frames = Array.from({ length: 9 + random.int(4) }, () => {
    const file = `/usr/lib/python3/dist-packages/synapse/${random.pick(FILES)}.py`;
    return `  File "${file}", line ${1 + random.int(1500)}, in ${random.pick(FUNCTIONS)}\n    ${random.pick(CODE)}`;
  });
  const head = `Failed handle request via '${servlet}': ${requestRepr(world, plan)}`;
  const capture = `Capture point (most recent call last):\n${frames.slice(0, 4).join('\n')}`;
  const trace = `Traceback (most recent call last):\n${frames.slice(4).join('\n')}`;
  plan.late.push(record('synapse.http.server', 147, 'ERROR', `${head}\n${capture}\n${trace}\n${random.pick(CAUSES)}`));
}
