/** The look of a report, light or dark as the reader's system is. */
export const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; }
th, td { padding: 0.2rem 1rem 0.2rem 0; text-align: right; font-variant-numeric: tabular-nums; }
th[scope="row"], th:first-child { text-align: left; font-weight: normal; }
tbody tr { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: 1rem; }
figure { margin: 0; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: 0.5rem; overflow: hidden; }
figure img { display: block; width: 100%; height: 12rem; object-fit: contain; background: color-mix(in srgb, currentColor 8%, transparent); }
figcaption { padding: 0.5rem 0.75rem; }
figcaption p, figcaption ul { margin: 0.25rem 0; }
figcaption ul { padding-left: 1.1rem; font-size: 0.875rem; opacity: 0.8; }
.score { font-variant-numeric: tabular-nums; font-size: 0.875rem; opacity: 0.8; }
.score span { float: right; }
.question { font-style: italic; }
.output { font-weight: 600; }
`
