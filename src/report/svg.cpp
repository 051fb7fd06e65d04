// SPDX-License-Identifier: Apache-2.0
// One writer for both kinds of SVG: they differ in how a colour is said and in who names the font.
#include "report/svg.h"

#include <cmath>
#include <string_view>

#include "recforce/base/text.h"
#include "report/markup.h"
#include "report/palette.h"

namespace recforce::report {
namespace {

// At most one decimal, no "-0".
std::string Number(double value) {
  const double rounded = std::round(value * 10.0) / 10.0;
  return base::FormatReal(rounded == 0.0 ? 0.0 : rounded);
}

std::string Attribute(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + std::string(value) + "\"";
}

class Writer {
 public:
  explicit Writer(bool inside_page) : inside_page_(inside_page) {}

  void operator()(const Polyline& line) {
    if (line.points.empty()) {
      return;
    }
    std::string path;
    for (const Point& point : line.points) {
      path += (path.empty() ? "M" : "L") + Number(point.x) + " " + Number(point.y);
    }
    text_ += "<path" + Attribute("d", path) + Stroke(line.paint, line.width);
    if (const std::vector<double>& lengths = DashLengths(line.dash); !lengths.empty()) {
      std::string dashes;
      for (const double length : lengths) {
        dashes += (dashes.empty() ? "" : " ") + Number(length);
      }
      text_ += Attribute("stroke-dasharray", dashes);
    }
    text_ += Attribute("stroke-linejoin", "round") + "/>\n";
  }

  void operator()(const Box& box) {
    text_ += "<rect" + Attribute("x", Number(box.corner.x)) + Attribute("y", Number(box.corner.y)) +
             Attribute("width", Number(box.width)) + Attribute("height", Number(box.height)) + Fill(box.paint);
    Close("rect", box.hint);
  }

  void operator()(const Disc& disc) {
    text_ += "<circle" + Attribute("cx", Number(disc.centre.x)) + Attribute("cy", Number(disc.centre.y)) +
             Attribute("r", Number(disc.radius));
    text_ += disc.hollow ? Stroke(disc.paint, 1.5) : Fill(disc.paint);
    Close("circle", disc.hint);
  }

  void operator()(const Label& label) {
    text_ += "<text" + Attribute("x", Number(label.at.x)) + Attribute("y", Number(label.at.y)) +
             Attribute("font-size", Number(label.size)) + Fill(label.paint);
    if (label.anchor != Anchor::kStart) {
      text_ += Attribute("text-anchor", label.anchor == Anchor::kMiddle ? "middle" : "end");
    }
    if (label.bold) {
      text_ += Attribute("font-weight", "bold");
    }
    text_ += ">" + Escape(label.text) + "</text>\n";
  }

  std::string Take() { return std::move(text_); }

 private:
  // "t", "m", "g", "b" or "0" ... "5".
  static std::string ClassSuffix(const Paint& paint) {
    constexpr std::string_view kLetters = "tmgb";
    return paint.ink == Ink::kSeries ? std::to_string(paint.series)
                                     : std::string(1, kLetters[static_cast<std::size_t>(paint.ink)]);
  }
  static std::string Opacity(const Paint& paint) {
    return paint.opacity < 1.0 ? Attribute("opacity", base::FormatFixed(paint.opacity, 2)) : "";
  }
  [[nodiscard]] std::string Fill(const Paint& paint) const {
    return (inside_page_ ? Attribute("class", "f" + ClassSuffix(paint)) : Attribute("fill", Colour(kLight, paint))) +
           Opacity(paint);
  }
  [[nodiscard]] std::string Stroke(const Paint& paint, double width) const {
    return (inside_page_ ? Attribute("class", "l" + ClassSuffix(paint))
                         : Attribute("fill", "none") + Attribute("stroke", Colour(kLight, paint))) +
           Attribute("stroke-width", Number(width)) + Opacity(paint);
  }
  void Close(std::string_view name, const std::string& hint) {
    text_ += hint.empty() ? "/>\n" : "><title>" + Escape(hint) + "</title></" + std::string(name) + ">\n";
  }

  bool inside_page_;
  std::string text_;
};

std::string Render(const Figure& figure, const std::string& id, bool inside_page) {
  const std::string width = Number(figure.width);
  const std::string height = Number(figure.height);
  std::string svg = "<svg" + (inside_page ? "" : Attribute("xmlns", "http://www.w3.org/2000/svg")) +
                    Attribute("viewBox", "0 0 " + width + " " + height) + Attribute("width", width) +
                    Attribute("height", height) + Attribute("role", "img") +
                    Attribute("aria-labelledby", id + "-title " + id + "-desc");
  if (!inside_page) {
    svg += Attribute("font-family", "DejaVu Sans, Verdana, Arial, sans-serif");
  }
  svg += ">\n<title" + Attribute("id", id + "-title") + ">" + Escape(figure.title) + "</title>\n<desc" +
         Attribute("id", id + "-desc") + ">" + Escape(figure.description) + "</desc>\n";
  Writer writer(inside_page);
  if (!inside_page) {
    writer(Box{{0.0, 0.0}, figure.width, figure.height, {Ink::kBackground}, ""});
  }
  for (const Shape& shape : figure.shapes) {
    std::visit(writer, shape);
  }
  return svg + writer.Take() + "</svg>\n";
}

}  // namespace

std::string SvgFile(const Figure& figure) { return Render(figure, "figure", false); }

std::string InlineSvg(const Figure& figure, const std::string& id) { return Render(figure, id, true); }

std::string SvgRules() {
  std::string rules;
  const auto add = [&](const std::string& suffix, const std::string& property) {
    rules +=
        ".f" + suffix + "{fill:var(--" + property + ")}.l" + suffix + "{fill:none;stroke:var(--" + property + ")}\n";
  };
  add("t", "text");
  add("m", "muted");
  add("g", "grid");
  add("b", "background");
  for (std::size_t n = 0; n < kColours; ++n) {
    add(std::to_string(n), "s" + std::to_string(n));
  }
  return rules;
}

}  // namespace recforce::report
