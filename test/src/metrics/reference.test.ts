import { expect, it } from 'vitest';
import { CATALOGUE } from '../../../src/metrics/catalogue.ts';
import { renderMetricsReference } from '../../../src/metrics/reference.ts';

it('reference names every family once, with its help', () => {
  const page = renderMetricsReference();
  for (const { name, help } of CATALOGUE) {
    expect(page.split(`### \`${name}\`\n`)).toHaveLength(2);
    expect(page).toContain(help);
  }
});

it('reference says which families are not yet fed', () => {
  const marked = CATALOGUE.filter((spec) => 'isNotYetFed' in spec).length;
  expect(renderMetricsReference().split('**Not yet fed**')).toHaveLength(marked + 1);
});
