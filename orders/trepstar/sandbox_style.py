"""The look of the sandbox's page: light and dark, tables that become cards on a narrow screen."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --page: #f4f5f7; --card: #fff; --ink: #1b1f24; --soft: #59636e;
  --line: #d9dee4; --accent: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1d2126; --ink: #e8ebee;
  --soft: #a3adb8; --line: #363d45; --accent: #6cb2ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; }
header, main { max-width: 1200px; margin: 0 auto; padding: 0 16px; }
header { padding-top: 20px; }
h1 { font-size: 24px; margin: 0; }
h2 { font-size: 17px; margin: 0 0 10px; }
p { color: var(--soft); margin: 4px 0 0; }
a { color: var(--accent); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 16px; margin: 16px 0; }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; color: var(--soft); font-size: 13px; font-weight: 600; }
th, td { padding: 7px 12px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
th { overflow-wrap: normal; white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }
form { display: flex; gap: 8px; align-items: center; }
input { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line);
  border-radius: 5px; padding: 4px 8px; min-width: 0; }
.wide input { flex: 1; }
button { font: inherit; white-space: nowrap; color: var(--accent); background: transparent;
  cursor: pointer; border: 1px solid var(--accent); border-radius: 5px; padding: 4px 12px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
@media (max-width: 760px) {
  thead { display: none; }
  tr { display: block; padding: 8px 0; border-bottom: 1px solid var(--line); }
  tbody tr:last-child { border-bottom: 0; }
  td { display: flex; gap: 12px; border: 0; padding: 3px 0; }
  td:empty { display: none; }
  td::before { content: attr(data-name); color: var(--soft); flex: 0 0 92px; font-size: 13px; }
}
"""
