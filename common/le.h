/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * On-disk integers: byte arrays of alignment 1 that do not mix with the machine's integers, so a
 * forgotten conversion does not compile. Structures made of them have no padding.
 */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define LE_BE_TYPE(order, bits)                                         \
	typedef struct {                                                \
		uint8_t b[bits / 8];                                    \
	} order##bits;                                                  \
	static inline uint##bits##_t order##bits##_get(order##bits v)   \
	{                                                               \
		uint##bits##_t x;                                       \
		memcpy(&x, v.b, sizeof(x));                             \
		return order##bits##toh(x);                             \
	}                                                               \
	static inline order##bits order##bits##_make(uint##bits##_t x)  \
	{                                                               \
		order##bits v;                                          \
		x = hto##order##bits(x);                                \
		memcpy(v.b, &x, sizeof(x));                             \
		return v;                                               \
	}                                                               \
	/* The same at any address of a byte buffer. */                 \
	static inline uint##bits##_t order##bits##_at(const void *p)    \
	{                                                               \
		uint##bits##_t x;                                       \
		memcpy(&x, p, sizeof(x));                               \
		return order##bits##toh(x);                             \
	}                                                               \
	static inline void order##bits##_put(void *p, uint##bits##_t x) \
	{                                                               \
		x = hto##order##bits(x);                                \
		memcpy(p, &x, sizeof(x));                               \
	}

LE_BE_TYPE(le, 16)
LE_BE_TYPE(le, 32)
LE_BE_TYPE(le, 64)
LE_BE_TYPE(be, 16)
LE_BE_TYPE(be, 32)
LE_BE_TYPE(be, 64)

#undef LE_BE_TYPE

#define ASSERT_OFFSET(type, field, offset) \
	_Static_assert(offsetof(type, field) == (offset), #type "." #field)
#define ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
