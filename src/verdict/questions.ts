/**
 * The runbook's questions, and who answers them. In: one answerer a question. Out: every question with its answer; a question that nobody answers is
 * `unknown`, and says so.
 */
import type { Answer, TimeWindow } from '../certainty.ts';

export const QUESTIONS = ['Q1', 'Q2', 'Q3', 'Q4', '6.4'] as const;
export type Question = (typeof QUESTIONS)[number];

/** What of the window can't be seen at all; each a sentence. Empty: nothing is missing. */
export interface Blindness {
  /** No access line was read: nothing that clients asked for is seen. */
  readonly isBlind: boolean;
  /** Why, and what mends it; parts that are missing where not all is. */
  readonly reasons: readonly string[];
}

/** Answers one question for a stretch of log time, from what is known now. */
export type Answerer = (window: TimeWindow, blindness: Blindness) => Answer;

const NOBODY: Answer = { answer: 'unknown', level: 'suspected', why: 'no part of this version answers it' };

export function answerAll(
  answerers: Readonly<Partial<Record<Question, Answerer>>>,
  window: TimeWindow,
  blindness: Blindness,
): Readonly<Record<Question, Answer>> {
  const answers = QUESTIONS.map((question) => [question, answerers[question]?.(window, blindness) ?? NOBODY] as const);
  return Object.fromEntries(answers) as Record<Question, Answer>;
}
