// SPDX-License-Identifier: Apache-2.0
// The only file that sees cairo.
#include "report/png.h"

#include <cairo.h>

#include <cmath>
#include <memory>
#include <numbers>
#include <string_view>

#include "recforce/base/error.h"
#include "report/markup.h"
#include "report/palette.h"

namespace recforce::report {
namespace {

constexpr double kPixelsPerUnit = 2.0;

struct Release {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_t* context) const { cairo_destroy(context); }
  void operator()(cairo_font_options_t* options) const { cairo_font_options_destroy(options); }
};
template <class T>
using Owned = std::unique_ptr<T, Release>;

int HexDigit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

class Painter {
 public:
  explicit Painter(cairo_t* cairo) : cairo_(cairo) {}

  void operator()(const Polyline& line) const {
    for (const Point& point : line.points) {
      cairo_line_to(cairo_, point.x, point.y);
    }
    const std::vector<double>& dashes = DashLengths(line.dash);
    cairo_set_dash(cairo_, dashes.data(), static_cast<int>(dashes.size()), 0.0);
    Stroke(line.paint, line.width);
    cairo_set_dash(cairo_, nullptr, 0, 0.0);
  }

  void operator()(const Box& box) const {
    cairo_rectangle(cairo_, box.corner.x, box.corner.y, box.width, box.height);
    Use(box.paint);
    cairo_fill(cairo_);
  }

  void operator()(const Disc& disc) const {
    cairo_new_path(cairo_);
    cairo_arc(cairo_, disc.centre.x, disc.centre.y, disc.radius, 0.0, 2.0 * std::numbers::pi);
    if (disc.hollow) {
      Stroke(disc.paint, 1.5);
    } else {
      Use(disc.paint);
      cairo_fill(cairo_);
    }
  }

  void operator()(const Label& label) const {
    const std::string text = CleanText(label.text);
    cairo_select_font_face(cairo_, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                           label.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cairo_, label.size);
    cairo_text_extents_t extents;
    cairo_text_extents(cairo_, text.c_str(), &extents);
    const double share = label.anchor == Anchor::kStart ? 0.0 : label.anchor == Anchor::kMiddle ? 0.5 : 1.0;
    cairo_move_to(cairo_, label.at.x - share * extents.x_advance, label.at.y);
    Use(label.paint);
    cairo_show_text(cairo_, text.c_str());
    cairo_new_path(cairo_);
  }

 private:
  void Use(const Paint& paint) const {
    const std::string_view hex = Colour(kLight, paint);
    const auto channel = [&](std::size_t at) { return (HexDigit(hex[at]) * 16 + HexDigit(hex[at + 1])) / 255.0; };
    cairo_set_source_rgba(cairo_, channel(1), channel(3), channel(5), paint.opacity);
  }
  void Stroke(const Paint& paint, double width) const {
    Use(paint);
    cairo_set_line_width(cairo_, width);
    cairo_set_line_join(cairo_, CAIRO_LINE_JOIN_ROUND);
    cairo_stroke(cairo_);
  }

  cairo_t* cairo_;
};

cairo_status_t AppendBytes(void* closure, const unsigned char* data, unsigned int length) {
  static_cast<std::string*>(closure)->append(reinterpret_cast<const char*>(data), length);
  return CAIRO_STATUS_SUCCESS;
}

void Check(cairo_status_t status, const Figure& figure) {
  if (status != CAIRO_STATUS_SUCCESS) {
    throw base::Error(base::ErrorKind::kUnavailable,
                      "plot '" + figure.title + "': cairo cannot draw it: " + cairo_status_to_string(status));
  }
}

}  // namespace

std::string PngFile(const Figure& figure) {
  const Owned<cairo_surface_t> surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(std::ceil(figure.width * kPixelsPerUnit)),
                                 static_cast<int>(std::ceil(figure.height * kPixelsPerUnit))));
  Check(cairo_surface_status(surface.get()), figure);
  const Owned<cairo_t> cairo(cairo_create(surface.get()));
  // Hinting would move text by what the screen of this machine is like.
  const Owned<cairo_font_options_t> options(cairo_font_options_create());
  cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_antialias(options.get(), CAIRO_ANTIALIAS_GRAY);
  cairo_set_font_options(cairo.get(), options.get());
  cairo_scale(cairo.get(), kPixelsPerUnit, kPixelsPerUnit);
  const Painter painter(cairo.get());
  painter(Box{{0.0, 0.0}, figure.width, figure.height, {Ink::kBackground}, ""});
  for (const Shape& shape : figure.shapes) {
    std::visit(painter, shape);
  }
  Check(cairo_status(cairo.get()), figure);
  std::string bytes;
  Check(cairo_surface_write_to_png_stream(surface.get(), AppendBytes, &bytes), figure);
  return bytes;
}

}  // namespace recforce::report
