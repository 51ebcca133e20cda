/**
 * The first section of the text report: what is broken, why, since when, whom it silences and what heals it. In: incidents and answers of an
 * analysis. Out: lines. Open incidents come first; of each, the sentence that says it, and its remediation.
 */
import type { Analysis } from '../../src/analysis.ts';
import { showText } from './terminal-text.ts';
import type { Page } from './text-report.ts';

/** Incidents told in full; of the others it's said how many there are. Chosen: one screen. */
const MAX_TOLD = 5;
/** Columns of one sentence of an incident: texts of the log in it are cut. */
const SENTENCE_COLUMNS = 1200;

const QUESTIONS: Readonly<Record<string, string>> = {
  Q1: 'Do keys diverge (KE-1)?',
  Q2: 'Do keys of calls arrive (KE-2)?',
  Q3: 'Why is an algorithm missing (KE-3)?',
  Q4: 'Whose are the timeouts of delayed events (KE-4)?',
  '6.4': 'Is it the validation of to-device messages?',
};

export function describeVerdict({ incidents, questions, untrustedRecords }: Analysis, page: Page): string[] {
  const open = incidents.filter((incident) => incident.open);
  const closed = incidents.filter((incident) => !incident.open);
  const lines = [page.heading('Verdict')];
  if (incidents.length === 0) lines.push(...page.say(describeSilence(questions)));
  const told = [...open, ...closed].slice(0, MAX_TOLD);
  for (const incident of told) lines.push(...describeIncident(incident, page));
  const rest = incidents.length - told.length;
  if (rest > 0) lines.push(...page.say(`… and ${rest} more incidents (in --json); ${open.length} of all are open.`, page.styles.quiet));
  let said = '';
  for (const [question, { answer, level, why }] of Object.entries(questions)) {
    const text = `${question}  ${QUESTIONS[question] ?? ''} ${answer.replaceAll('_', ' ')} (${level}): ${why === said ? 'as above' : why}.`;
    lines.push(...page.say(showText(text, SENTENCE_COLUMNS)));
    said = why;
  }
  if (untrustedRecords > 0)
    lines.push(
      ...page.say(
        `${untrustedRecords} records may be forged (a client's text with line ends in it): they are counted, and nothing rests on them. A JSON log can't be forged so.`,
        page.styles.fault,
      ),
    );
  return lines;
}

/** Silence is no health: where the log can't show a fault, that is what is said. */
function describeSilence(questions: Analysis['questions']): string {
  const isBlind = Object.values(questions).some(({ answer }) => answer === 'blind' || answer === 'unknown');
  return isBlind ? 'No fault was found, but not every fault would show in what was read.' : 'No fault was found in what was read.';
}

function describeIncident({ ke, kind, open, level, summary, remediation }: Analysis['incidents'][number], page: Page): string[] {
  const head = `${ke} ${kind.replaceAll('_', ' ')}, ${open ? 'open' : 'over'} (${level}): ${summary}`;
  const lines = page.say(showText(head, SENTENCE_COLUMNS), open ? page.styles.fault : undefined);
  if (open) for (const step of remediation) lines.push(...page.say(`  - ${showText(step, SENTENCE_COLUMNS)}`));
  return lines;
}
