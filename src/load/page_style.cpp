#include "load/page_style.h"

namespace ouro::load {
namespace {

constexpr std::string_view kPageStyle = R"css(
:root{color-scheme:light dark;--ink:#1f2933;--muted:#66707c;--paper:#f6f7f9;--card:#fff;
--edge:#e4e7eb;--warn:#9a5b00;--warn-paper:#fff6e5;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#e4e7eb;--muted:#98a2ad;--paper:#14181d;
--card:#1b2027;--edge:#2e363f;--warn:#f0b429;--warn-paper:#2b2412;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1180px;margin:0 auto;padding:28px 20px 40px}
h1{font-size:22px;margin:0;overflow-wrap:anywhere}
header p{margin:4px 0 20px;color:var(--muted)}
.grid{display:grid;gap:14px}
.heads{grid-template-columns:repeat(auto-fit,minmax(150px,1fr))}
.charts{grid-template-columns:repeat(auto-fit,minmax(min(480px,100%),1fr));margin-top:14px}
.card{background:var(--card);border:1px solid var(--edge);border-radius:8px;padding:14px 16px;
min-width:0;margin:0}
.card b{display:block;font-size:23px;font-weight:600;font-variant-numeric:tabular-nums}
.card span{color:var(--muted);font-size:13px}
.bad b{color:var(--bad)}
.remarks{margin:14px 0 0;padding:10px 16px;list-style:none;color:var(--warn);
background:var(--warn-paper);border-left:4px solid var(--warn);border-radius:4px}
.tables{margin-top:14px;overflow-x:auto}
table{border-collapse:collapse;width:100%;margin:0 0 14px;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:6px 0}
th,td{padding:4px 10px 4px 0;text-align:left;vertical-align:top;border-top:1px solid var(--edge)}
th{font-weight:400;color:var(--muted);width:150px;white-space:nowrap}
td{overflow-wrap:anywhere}
.figures th:not(:first-child),.figures td{text-align:right;width:auto;white-space:nowrap}
.note,footer{color:var(--muted);font-size:13px}
footer{margin-top:18px}
)css";

}  // namespace

std::string_view page_style() noexcept { return kPageStyle; }

}  // namespace ouro::load
