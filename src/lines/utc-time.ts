/**
 * Log time as text, in UTC, without a clock: for reports and for sentences.
 */
const DAY_MS = 86_400_000;

/** `2026-06-30T12:00:00.000Z`; null for NaN (no time known). Civil date from days: Howard Hinnant's algorithm (public domain). */
export function formatTime(epochMs: number): string | null {
  if (Number.isNaN(epochMs)) return null;
  const days = Math.floor(epochMs / DAY_MS) + 719_468;
  const ms = epochMs - Math.floor(epochMs / DAY_MS) * DAY_MS;
  const era = Math.floor(days / 146_097);
  const dayOfEra = days - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const pad = (value: number, width: number) => String(value).padStart(width, '0');
  const [hour, minute, second] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60];
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}.${pad(Math.floor(ms % 1000), 3)}Z`;
}

/** `2026-06-30 12:00:00 UTC`, for a sentence; `an unknown time` where the log has none. */
export function sayTime(epochMs: number): string {
  const text = formatTime(epochMs);
  return text === null ? 'an unknown time' : `${text.slice(0, 10)} ${text.slice(11, 19)} UTC`;
}
