import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { landingPage, landingStyleHash } from './landing.ts';

describe('the landing page', () => {
  const page = landingPage({
    version: '1.2.3',
    instance: `<script>alert("db's")</script> & co`,
    links: [{ href: '/a?b=1&c="2"', text: '<Metrics>', description: 'for & of' }],
  });

  it('shows version, instance and links, and nothing of them becomes markup', () => {
    expect(page).toContain('1.2.3');
    expect(page).toContain('&lt;script&gt;alert(&quot;db&#39;s&quot;)&lt;/script&gt; &amp; co');
    expect(page).toContain('<a href="/a?b=1&amp;c=&quot;2&quot;">&lt;Metrics&gt;</a>');
    expect(page).not.toContain('<script');
  });

  it('has the style whose hash the policy lets through', () => {
    const style = /<style>(.*)<\/style>/s.exec(page)?.[1] ?? '';
    expect(landingStyleHash).toBe(`'sha256-${createHash('sha256').update(style).digest('base64')}'`);
  });
});
