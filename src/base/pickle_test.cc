#include "base/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace signum::base {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = PickleValue::Kind;

constexpr std::array<std::string_view, 2> kNames = {"collections.OrderedDict", "maker.make"};
constexpr PickleRules kRules = {.names = kNames,
                                .persistent = true,
                                .max_values = 100,
                                .what = "a test",
                                .reads = "tests",
                                .advice = "mend it"};

Result<Pickle> Parse(const std::string& bytes, const PickleRules& rules = kRules) {
  return ParsePickle({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "it", rules);
}

std::string Refuse(const std::string& bytes, const PickleRules& rules = kRules) {
  const auto pickle = Parse(bytes, rules);
  return pickle ? "accepted" : pickle.error().message;
}

TEST(Pickle, Numbers) {
  const std::string bytes = "\x80\x02(K\x07M\x01\x02J\xff\xff\xff\xff\x8a\x02\x00\xff\x88N"s +
                            "G\x3f\xf8\0\0\0\0\0\0\x8a\x09"s + "123456789t.rest";
  const auto pickle = Parse(bytes);
  ASSERT_TRUE(pickle.has_value()) << pickle.error().message;
  EXPECT_EQ(pickle->size, bytes.size() - 4);
  const PickleValue& tuple = pickle->at(pickle->root);
  ASSERT_EQ(tuple.items.size(), 8u);
  const auto item = [&](size_t i) -> const PickleValue& { return pickle->at(tuple.items[i]); };
  const std::array<int64_t, 5> integers = {7, 0x201, -1, -256, 1};
  for (size_t i = 0; i < integers.size(); ++i) EXPECT_EQ(item(i).integer, integers[i]) << i;
  EXPECT_EQ(item(5).kind, Kind::kNone);
  EXPECT_EQ(item(6).number, 1.5);
  EXPECT_EQ(item(7).kind, Kind::kLong);
  EXPECT_EQ(item(7).bytes, "123456789");
}

TEST(Pickle, CallsStayValues) {
  const std::string bytes =
      "\x80\x02"
      "cmaker\nmake\n(K\x01K\x02tRK\x03"
      "b."s;
  const auto pickle = Parse(bytes);
  ASSERT_TRUE(pickle.has_value()) << pickle.error().message;
  const PickleValue& call = pickle->at(pickle->root);
  EXPECT_EQ(call.kind, Kind::kCall);
  EXPECT_EQ(call.bytes, "maker.make");
  EXPECT_EQ(call.items.size(), 2u);
  EXPECT_EQ(pickle->at(call.other).integer, 3);
}

TEST(Pickle, OrderedDicts) {
  const std::string head =
      "\x80\x02"
      "ccollections\nOrderedDict\n";
  for (const std::string& tail : {")R(X\x01\0\0\0aK\x05u."s,
                                  "]]X\x01\0\0\0aaK\x05"
                                  "aa\x85R."s}) {
    const std::string bytes = head + tail;
    const auto pickle = Parse(bytes);
    ASSERT_TRUE(pickle.has_value()) << pickle.error().message;
    const PickleValue* value = pickle->Find(pickle->at(pickle->root), "a");
    ASSERT_NE(value, nullptr);
    EXPECT_EQ(value->integer, 5);
  }
  EXPECT_THAT(Refuse(head + "K\x01\x85R."), HasSubstr("of what is no list"));
  EXPECT_THAT(Refuse(head + "]K\x01"
                            "a\x85R."),
              HasSubstr("of what are no pairs"));
}

TEST(Pickle, ProtocolFour) {
  const std::string bytes = "\x80\x04\x95\0\0\0\0\0\0\0\0]\x94(\x8c\x01xh\0e."s;
  const auto pickle = Parse(bytes);
  ASSERT_TRUE(pickle.has_value()) << pickle.error().message;
  const PickleValue& list = pickle->at(pickle->root);
  ASSERT_EQ(list.items.size(), 2u);
  EXPECT_EQ(pickle->at(list.items[0]).bytes, "x");
  EXPECT_EQ(list.items[1], pickle->root);  // it holds itself
}

TEST(Pickle, PersistentIdsOnlyWhereAskedFor) {
  const auto pickle = Parse("K\x05Q.");
  ASSERT_TRUE(pickle.has_value()) << pickle.error().message;
  EXPECT_EQ(pickle->at(pickle->at(pickle->root).other).integer, 5);
  PickleRules rules = kRules;
  rules.persistent = false;
  EXPECT_THAT(Refuse("K\x05Q.", rules), HasSubstr("kept outside"));
}

TEST(Pickle, WhatIsRefused) {
  EXPECT_THAT(Refuse(""), HasSubstr("cut off"));
  EXPECT_THAT(Refuse("."), HasSubstr("stops without a value"));
  EXPECT_THAT(Refuse("cos\nsystem\n."), HasSubstr("the Python object os.system at byte 0; only"));
  EXPECT_THAT(Refuse("cos"), HasSubstr("cut off"));
  EXPECT_THAT(Refuse("K\x01K\x02R."), HasSubstr("calls a value"));
  EXPECT_THAT(Refuse("K\x01K\x02"
                     "b."),
              HasSubstr("a value that has none"));
  EXPECT_THAT(Refuse("K\x01r\xff\xff\xff\xff."s), HasSubstr("remembers"));
  EXPECT_THAT(Refuse(std::string(101, '}')), HasSubstr("more than 100 values"));
  // A tuple of 50 values, the arguments of call after call.
  EXPECT_THAT(Refuse("(" + std::string(50, 'N') + "tq\0cmaker\nmake\nq\1"s +
                     [] {
                       std::string calls;
                       for (int i = 0; i < 40; ++i) calls += "h\1h\0R"s;
                       return calls;
                     }()),
              HasSubstr("too often"));
}

}  // namespace
}  // namespace signum::base
