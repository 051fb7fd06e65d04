// SPDX-License-Identifier: Apache-2.0
// The style sheet: colours of the palette as custom properties, one set for light and paper, one for dark.
#include "report/html_parts.h"
#include "report/palette.h"
#include "report/svg.h"

namespace recforce::report {
namespace {

std::string Properties(const Palette& palette) {
  std::string text = "--text:" + std::string(palette.text) + ";--muted:" + std::string(palette.muted) +
                     ";--grid:" + std::string(palette.grid) + ";--background:" + std::string(palette.background);
  for (std::size_t n = 0; n < kColours; ++n) {
    text += ";--s" + std::to_string(n) + ":" + std::string(palette.series[n]);
  }
  return text;
}

constexpr std::string_view kRules = R"css(*{box-sizing:border-box}
body{margin:0;background:var(--background);color:var(--text);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main,footer{max-width:62rem;margin:0 auto;padding:0 1.25rem}
h1{font-size:1.75rem;line-height:1.25;margin:2rem 0 .5rem}
h2{font-size:1.25rem;margin:2.75rem 0 .5rem;padding-top:.5rem;border-top:1px solid var(--grid)}
h3{font-size:1rem;margin:1.75rem 0 .25rem}
p{margin:.5rem 0;max-width:46rem}
.lead{font-size:1.125rem}
.note,figcaption,footer,.small{color:var(--muted);font-size:.875rem}
footer{padding-top:1rem;padding-bottom:3rem;margin-top:3rem}
.notice{border-left:4px solid var(--s1);padding:.25rem .75rem;margin:1rem 0}
.scroll{overflow-x:auto;margin:.75rem 0}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .55rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--grid)}
thead th{vertical-align:bottom;white-space:nowrap;border-bottom:2px solid var(--muted)}
th{font-weight:600}
tbody th{font-weight:400;background:var(--background);overflow-wrap:anywhere;min-width:7rem;max-width:18rem}
tbody th:has(.long){min-width:15rem}
.pin tbody th,.pin thead th:first-child{position:sticky;left:0;background:var(--background)}
.n{text-align:right;white-space:nowrap}
.n span{display:block;color:var(--muted);font-size:.75rem}
.facts{width:100%}
.facts th{width:11rem}
.facts td{overflow-wrap:anywhere}
.key{display:inline-block;width:.7em;height:.7em;margin-right:.45em;border-radius:2px}
.pale{opacity:.5}
figure{margin:1rem 0}
figure svg{display:block;max-width:100%;height:auto}
figcaption{margin-top:.25rem;max-width:46rem}
.narrow{display:none}
.narrow svg{width:100%;max-width:30rem}
pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid var(--grid);border-radius:4px;padding:.5rem .75rem;
font-size:.8125rem;margin:.5rem 0}
code{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
details{margin:.5rem 0}
summary{cursor:pointer}
.lists td{min-width:8.5rem}
.lists .n{min-width:0}
.hit{font-weight:600;background:color-mix(in srgb,var(--s2) 16%,transparent)}
.changed{font-weight:600}
@media (max-width:44rem){.wide{display:none}.narrow{display:block}main,footer{padding:0 .9rem}body{font-size:15px}
.facts th{width:8rem;min-width:6rem}tbody th:has(.long){min-width:9rem}}
@media print{body{font-size:10pt}main,footer{max-width:none;padding:0}.wide{display:block}.narrow{display:none}
.scroll{overflow:visible}h2,h3{break-after:avoid}figure,tr,.notice{break-inside:avoid}table{font-size:8pt}
th,td{padding:.2rem .35rem}}
)css";

}  // namespace

std::string StyleSheet() {
  std::string style = ":root{color-scheme:light dark;" + Properties(kLight) +
                      "}\n@media screen and (prefers-color-scheme:dark){:root{" + Properties(kDark) + "}}\n" +
                      std::string(kRules) + SvgRules();
  for (std::size_t n = 0; n < kColours; ++n) {
    style += ".k" + std::to_string(n) + "{background:var(--s" + std::to_string(n) + ")}\n";
  }
  return style;
}

}  // namespace recforce::report
