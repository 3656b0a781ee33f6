"""The driver of bench/run: the standard library alone. SPDX-License-Identifier: Apache-2.0"""
