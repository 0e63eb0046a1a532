/** The page's style: one column on a telephone, cards side by side where there is room, the reader's light or dark. */
export const STYLE = `
:root {
  --ground: #ffffff; --card: #f4f5f7; --text: #1c1e21; --quiet: #5b6169; --line: #d9dce1; --right: #146c2e; --wrong: #b3261e;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root { --ground: #16181b; --card: #212428; --text: #e8eaed; --quiet: #a4abb3; --line: #373b41; --right: #7bd88f; --wrong: #ff8a80; }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 64rem; padding: 1.5rem 1rem 3rem;
  background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .75rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; }
p { max-width: 44rem; margin: 0 0 .75rem; }
ul, ol { list-style: none; margin: 0; padding: 0; }
img { background: #ffffff; border-radius: .5rem; }
small { color: var(--quiet); white-space: nowrap; }
.summary { font-size: 1.125rem; }
.cards { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); }
.cards > li { display: grid; }
article { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem; }
article h3 { font-size: 1.0625rem; margin: .5rem 0; }
article img { display: block; max-width: 100%; }
dl { margin: 0; }
dt { color: var(--quiet); font-size: .875rem; margin-top: .375rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.right { color: var(--right); font-weight: 700; }
.wrong { color: var(--wrong); font-weight: 700; }
figure { margin: 1.25rem 0 0; }
figcaption { font-weight: 600; margin-bottom: .5rem; }
.found { display: flex; flex-wrap: wrap; gap: 1rem; }
.found li { display: grid; gap: .25rem; justify-items: start; }
footer { border-top: 1px solid var(--line); margin-top: 2.5rem; color: var(--quiet); font-size: .875rem; }
footer h2 { font-size: 1rem; margin-top: 1rem; }
`
