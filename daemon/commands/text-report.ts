export function renderTextReport(analysis: unknown, _options: unknown): string { return JSON.stringify(analysis).slice(0, 100); }
