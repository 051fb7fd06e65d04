// SPDX-License-Identifier: Apache-2.0
// The whole text of a small figure, and a PNG that says what it is.
#include "report/svg.h"

#include <gtest/gtest.h>

#include "report/png.h"

namespace recforce::report {
namespace {

Figure SmallFigure() {
  Figure figure{100.0, 50.0, "A <plot>", "Two & three", {}};
  figure.shapes.emplace_back(Polyline{{{0.0, 10.04}, {50.25, -0.01}}, SeriesPaint(1), 2.0, Dash::kDashed});
  figure.shapes.emplace_back(Box{{1.0, 2.0}, 3.0, 4.0, SeriesPaint(0, 0.75), "3 \"users\""});
  figure.shapes.emplace_back(Disc{{5.0, 6.0}, 2.5, {Ink::kMuted}, true, ""});
  figure.shapes.emplace_back(Label{{99.0, 49.0}, "</text>", 11.0, Anchor::kEnd, {}, true});
  return figure;
}

TEST(Svg, FileIsExactlyThis) {
  EXPECT_EQ(
      SvgFile(SmallFigure()),
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50" width="100" height="50" role="img" aria-labelledby="figure-title figure-desc" font-family="DejaVu Sans, Verdana, Arial, sans-serif">
<title id="figure-title">A &lt;plot&gt;</title>
<desc id="figure-desc">Two &amp; three</desc>
<rect x="0" y="0" width="100" height="50" fill="#ffffff"/>
<path d="M0 10L50.3 0" fill="none" stroke="#d55e00" stroke-width="2" stroke-dasharray="6 3" stroke-linejoin="round"/>
<rect x="1" y="2" width="3" height="4" fill="#0072b2" opacity="0.75"><title>3 &quot;users&quot;</title></rect>
<circle cx="5" cy="6" r="2.5" fill="none" stroke="#5b636e" stroke-width="1.5"/>
<text x="99" y="49" font-size="11" fill="#1a1d21" text-anchor="end" font-weight="bold">&lt;/text&gt;</text>
</svg>
)");
}

TEST(Svg, InsideAPageColoursAreClasses) {
  const std::string svg = InlineSvg(SmallFigure(), "curves-wide");
  EXPECT_NE(svg.find("aria-labelledby=\"curves-wide-title curves-wide-desc\""), std::string::npos);
  EXPECT_NE(svg.find("class=\"l1\" stroke-width=\"2\""), std::string::npos);
  EXPECT_NE(svg.find("class=\"f0\" opacity=\"0.75\""), std::string::npos);
  EXPECT_EQ(svg.find('#'), std::string::npos) << "a colour that dark mode cannot change";
  for (const char* name : {"ft", "fm", "fg", "fb", "f0", "f5", "l0"}) {
    EXPECT_NE(SvgRules().find("." + std::string(name) + "{"), std::string::npos) << name;
  }
}

TEST(Png, HasTheSizeOfItsFigureTwice) {
  const std::string png = PngFile(SmallFigure());
  ASSERT_GT(png.size(), 100U);
  EXPECT_EQ(png.substr(1, 3), "PNG");
  EXPECT_EQ(png.substr(12, 4), "IHDR");
  EXPECT_EQ(png[19], static_cast<char>(200));
  EXPECT_EQ(png[23], static_cast<char>(100));
  EXPECT_EQ(png, PngFile(SmallFigure()));
  EXPECT_EQ(png.find("tIME"), std::string::npos) << "a clock is in the file";
}

TEST(Png, TextThatIsNoUtf8IsDrawnAnyway) {
  Figure figure{50.0, 20.0, "x", "", {}};
  figure.shapes.emplace_back(Label{{0.0, 10.0}, "\xE9\xFF", 11.0, Anchor::kStart, {}, false});
  EXPECT_GT(PngFile(figure).size(), 50U);
}

}  // namespace
}  // namespace recforce::report
